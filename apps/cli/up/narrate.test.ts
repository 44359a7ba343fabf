import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { narrate } from "./narrate.ts";

const time = "2030-01-02T03:04:05.678Z";
const ended = {
  level: "info",
  time,
  msg: "execution ended",
  job_name: "report",
  execution_id: "e1",
  trigger: "schedule",
};
/** What a person reads of a log line, without the colours. */
const told = (log: object | string) => {
  const line = narrate("worker-1", typeof log === "string" ? log : JSON.stringify(log));
  return line === null ? null : stripVTControlCharacters(line);
};

describe("an execution that has ended", () => {
  it.each([
    [
      { status: "success", check_ms: 1.234, perform_ms: 20 },
      "03:04:05.678  ✔ report  success  check 1.2 ms, perform 20.0 ms, on worker-1  e1",
    ],
    [
      { status: "success", perform_ms: 20, trigger: "manual" },
      "03:04:05.678  ✔ report  success  perform 20.0 ms, run by hand, on worker-1  e1",
    ],
    [
      { status: "skipped", check_ms: 1 },
      "03:04:05.678  – report  skipped, check declined  check 1.0 ms, on worker-1  e1",
    ],
    [
      { status: "cancelled", error_code: "CANCELLED", error_message: "cancelled while it ran" },
      "03:04:05.678  ■ report  cancelled  on worker-1  CANCELLED: cancelled while it ran  e1",
    ],
    [
      { level: "warn", status: "failed", check_ms: 1, error_code: "TIMEOUT", error_message: "too long" },
      "03:04:05.678  ✘ report  failed  check 1.0 ms, on worker-1  TIMEOUT: too long  e1",
    ],
    [
      { level: "warn", msg: "attempt failed, trying again", error_code: "HTTP_STATUS", error_message: "503" },
      "03:04:05.678  ✘ report  failed, will be tried again  on worker-1  HTTP_STATUS: 503  e1",
    ],
  ])("%j", (log, line) => {
    expect(told({ ...ended, ...log })).toBe(line);
  });
});

describe("other lines", () => {
  it.each([
    [
      "a job that is over",
      { level: "info", time, msg: "job completed", job_id: "j1", run_count: 3 },
      "03:04:05.678 job completed j1 after 3 runs",
    ],
    [
      "a warning",
      { level: "warn", time, msg: "queue trouble", err: { message: "ECONNREFUSED" } },
      "03:04:05.678 worker-1: queue trouble: ECONNREFUSED",
    ],
    [
      "an end",
      { level: "fatal", time, msg: "cannot go on", reason: "counted as lost" },
      "03:04:05.678 worker-1: cannot go on: counted as lost",
    ],
    ["what is no log line", "belfry worker: out of memory", "worker-1 belfry worker: out of memory"],
    ["what only looks like one", "{broken", "worker-1 {broken"],
  ])("%s", (_what, log, line) => {
    expect(told(log)).toBe(line);
  });

  it.each(["worker started", "stopping", "draining"])("are not told when all is well: %s", (msg) => {
    expect(told({ level: "info", time, msg })).toBeNull();
  });
});
