import { misfirePolicy } from "@belfry/contract/policies.ts";
import { describe, expect, it } from "vitest";
import { describeOutage } from "./describe-outage.ts";
import { parseSchedule } from "./parse-schedule.ts";
import { type OutageOptions, simulateOutage } from "./simulate.ts";

const FROM = Date.parse("2026-03-02T02:00:00Z");
const TO = Date.parse("2026-03-02T05:00:00Z");
const DAY = 86_400_000;

function outage(text: string, misfire: object = {}, options: Partial<OutageOptions> = {}) {
  const schedule = parseSchedule(text, { timezone: "UTC", anchor: FROM });
  return simulateOutage(schedule, { from: FROM, to: TO, misfire: misfirePolicy.parse(misfire), ...options });
}
const rows = (outcome: ReturnType<typeof outage>) =>
  outcome.rows.map(({ scheduledFor, count, verdict }) => [
    new Date(scheduledFor).toISOString().slice(11, 16),
    count,
    verdict,
  ]);

describe("down from 02:00 to 05:00: what runs at 05:00?", () => {
  it("the latest, unless told otherwise", () => {
    expect(rows(outage("30 * * * *"))).toEqual([
      ["02:30", 1, "skipped (misfire)"],
      ["03:30", 1, "skipped (misfire)"],
      ["04:30", 1, "runs late"],
    ]);
    expect(describeOutage(outage("30 * * * *"), TO)).toBe(
      "When the scheduler is back at 2026-03-02T05:00:00Z, 1 occurrence runs late and 2 occurrences are skipped (misfire); the next one is at 2026-03-02T05:30:00Z",
    );
  });

  it("what is due right then runs on time, and stands for what was missed", () => {
    expect(rows(outage("0 * * * *")).at(-1)).toEqual(["05:00", 1, "runs on time"]);
    expect(outage("0 * * * *")).toMatchObject({ runs: 1, skipped: 3, next: Date.parse("2026-03-02T06:00:00Z") });
  });

  it("none or all, if the job says so", () => {
    expect(outage("30 * * * *", { policy: "skip" })).toMatchObject({ runs: 0, skipped: 3 });
    expect(outage("30 * * * *", { policy: "run_all" })).toMatchObject({ runs: 3, skipped: 0 });
    expect(outage("30 * * * *", { policy: "run_all", max_age_ms: 90 * 60_000 })).toMatchObject({ runs: 2, skipped: 1 });
  });

  it("nothing, if nothing was due", () => {
    expect(outage("0 9 * * *")).toMatchObject({ rows: [], runs: 0, skipped: 0, isComplete: true });
    expect(describeOutage(outage("2026-03-02T01:00:00Z"), TO)).toBe(
      "When the scheduler is back at 2026-03-02T05:00:00Z, nothing was missed; there is no next one",
    );
  });

  it("no more than the runs that the job has left", () => {
    expect(outage("30 * * * *", { policy: "run_all" }, { runsLeft: 2 })).toMatchObject({ runs: 2, next: null });
  });
});

describe("a long outage", () => {
  it("is told in ranges, each occurrence counted once", () => {
    const outcome = outage("@every 1s", { policy: "run_all", max_runs: 1_000, max_age_ms: DAY });
    // 61 are late by no more than the grace of a minute, and a thousand more run.
    expect(outcome).toMatchObject({ runs: 1_061, skipped: 3 * 3_600 - 1_061, isComplete: true, next: TO + 1_000 });
    expect(outcome.rows.reduce((sum, { count }) => sum + count, 0)).toBe(3 * 3_600);
  });

  it("is told as a part if there is more than is worth the while", () => {
    const outcome = outage("@every 1s", {}, { to: FROM + 2 * DAY });
    expect(outcome).toMatchObject({ isComplete: false, runs: 0, skipped: 100_000, next: FROM + 100_001_000 });
    expect(describeOutage(outcome, FROM + 2 * DAY)).toBe(
      "When the scheduler is back at 2026-03-04T02:00:00Z, 100000 occurrences are skipped (misfire); from 2026-03-03T05:46:41Z on there is more to plan than a simulation looks at",
    );
  });

  it("is told as a part when the budget ends", () => {
    let left = 2_500;
    const outcome = outage("@every 1s", {}, { mayGoOn: () => left-- > 0 });
    expect(outcome).toMatchObject({ isComplete: false, skipped: 2_000, next: FROM + 2_001_000 });
    expect(describeOutage(outage("@every 1s", {}, { mayGoOn: () => false }), TO)).toBe(
      "When the scheduler is back at 2026-03-02T05:00:00Z, there is more to plan than a simulation looks at",
    );
  });
});
