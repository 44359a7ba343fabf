import { type MisfirePolicy, misfirePolicy } from "@belfry/contract/policies.ts";
import { describe, expect, it } from "vitest";
import type { Schedule } from "./schedule.ts";
import { simulateOutage } from "./simulate.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const from = Date.parse("2026-01-01T02:00Z");
const to = Date.parse("2026-01-01T05:00Z");
const cron = (expression: string): Schedule => ({ type: "cron", expression, timezone: "UTC" });

/** Down from 02:00 to 05:00: the rows of the ledger, in short. */
function outage(expression: string, misfire: Partial<MisfirePolicy>): string[] {
  const { rows } = simulateOutage(cron(expression), { from, to, misfire: misfirePolicy.parse(misfire) });
  const clock = (at: number) => new Date(at).toISOString().slice(11, 16);
  return rows.map(({ scheduledFor, until, count, verdict }) =>
    count === 1 ? `${clock(scheduledFor)} ${verdict}` : `${clock(scheduledFor)}-${clock(until)} ${count} ${verdict}`,
  );
}

describe("down from 02:00 to 05:00: what runs at 05:00?", () => {
  it("of each hour the last, which is on time", () => {
    expect(outage("0 * * * *", {})).toEqual([
      "02:00 skipped (misfire)",
      "03:00 skipped (misfire)",
      "04:00 skipped (misfire)",
      "05:00 runs on time",
    ]);
  });

  it("of each half past the hour the latest, late", () => {
    expect(outage("30 * * * *", { policy: "run_once" })).toEqual([
      "02:30 skipped (misfire)",
      "03:30 skipped (misfire)",
      "04:30 runs late",
    ]);
  });

  it("none, all, or those that are not too old", () => {
    expect(outage("30 3 * * *", { policy: "skip" })).toEqual(["03:30 skipped (misfire)"]);
    expect(outage("30 * * * *", { policy: "run_all" })).toEqual([
      "02:30 runs late",
      "03:30 runs late",
      "04:30 runs late",
    ]);
    expect(outage("30 * * * *", { policy: "run_all", max_age_ms: 2 * HOUR })).toEqual([
      "02:30 skipped (misfire)",
      "03:30 runs late",
      "04:30 runs late",
    ]);
    expect(outage("30 * * * *", { policy: "skip", grace_ms: HOUR })).toEqual([
      "02:30 skipped (misfire)",
      "03:30 skipped (misfire)",
      "04:30 runs late",
    ]);
  });

  it("nothing, if nothing was due", () => {
    const misfire = misfirePolicy.parse({});
    const next = Date.parse("2026-01-01T06:00Z");
    expect(simulateOutage(cron("0 6 * * *"), { from, to, misfire })).toEqual({
      rows: [],
      runs: 0,
      skipped: 0,
      next,
      isComplete: true,
    });
    expect(simulateOutage({ type: "once", at: from - 1 }, { from, to, misfire }).next).toBeNull();
  });
});

describe("counts", () => {
  const misfire = misfirePolicy.parse({ policy: "run_once", grace_ms: 0 });

  it("stand for ranges, as in the ledger", () => {
    const { rows, runs, skipped, next } = simulateOutage(cron("* * * * *"), { from, to: to - 1, misfire });
    expect(rows.slice(0, 60).every(({ count }) => count === 1)).toBe(true);
    expect(rows[60]).toEqual({
      scheduledFor: from + HOUR,
      until: to - 2 * MINUTE,
      count: 119,
      verdict: "skipped (misfire)",
    });
    expect(rows[61]).toEqual({ scheduledFor: to - MINUTE, until: to - MINUTE, count: 1, verdict: "runs late" });
    expect({ runs, skipped, next }).toEqual({ runs: 1, skipped: 179, next: to });
  });

  it("are of all sweeps together", () => {
    const { rows, runs, skipped, next, isComplete } = simulateOutage(cron("* * * * * *"), { from, to, misfire });
    expect({ runs, skipped, next, isComplete }).toEqual({
      runs: 1,
      skipped: 10_800,
      next: to + 1_000,
      isComplete: true,
    });
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(10_801);
  });

  it("end with the runs that the job has left", () => {
    const all = misfirePolicy.parse({ policy: "run_all" });
    const { rows, next } = simulateOutage(cron("30 * * * *"), { from, to, misfire: all, runsLeft: 2 });
    expect(rows.map(({ verdict }) => verdict)).toEqual(["runs late", "runs late"]);
    expect(next).toBeNull();
  });

  it("end with them in a later sweep as well", () => {
    const inTime = misfirePolicy.parse({ grace_ms: 3 * HOUR });
    const { runs, next } = simulateOutage(cron("* * * * * *"), { from, to, misfire: inTime, runsLeft: 2_500 });
    expect({ runs, next }).toEqual({ runs: 2_500, next: null });
  });

  it("say where they were broken off", () => {
    const { skipped, next, isComplete } = simulateOutage(cron("* * * * * *"), { from, to: from + 48 * HOUR, misfire });
    expect(isComplete).toBe(false);
    expect(next).toBe(from + skipped * 1_000);
  });
});
