import { describe, expect, it } from "vitest";
import { parseSchedule } from "./parse-schedule.ts";
import { MISFIRE_GRACE_MS, type PlannedOccurrence, planOccurrences } from "./plan-occurrences.ts";
import type { Schedule } from "./schedule.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const everySecond: Schedule = { type: "interval", everyMs: SECOND, anchor: 0 };
const everyHour: Schedule = { type: "interval", everyMs: HOUR, anchor: 0 };
const ANY = { runsLeft: Number.POSITIVE_INFINITY, limit: 1_000 };

/** The plan in short: the instants to be run, those that misfired, and what comes next. */
function planned(
  schedule: Schedule,
  options: Partial<Parameters<typeof planOccurrences>[1]> & { from: number; now: number },
) {
  const plan = planOccurrences(schedule, { ...ANY, ...options });
  const at = (skip: string | null) => plan.occurrences.filter((o) => o.skip === skip).map((o) => o.scheduledFor);
  expect(plan.runs).toBe(at(null).length);
  return { run: at(null), misfired: at("misfire"), next: plan.next, count: plan.occurrences.length };
}

describe("what is due", () => {
  it("is nothing before its time", () => {
    expect(planned(everyHour, { from: HOUR, now: HOUR - 1 })).toEqual({
      run: [],
      misfired: [],
      next: HOUR,
      count: 0,
    });
  });

  it("is an occurrence whose instant is now, once", () => {
    expect(planned(everyHour, { from: HOUR, now: HOUR })).toMatchObject({ run: [HOUR], next: 2 * HOUR });
    expect(planned(everyHour, { from: 2 * HOUR, now: HOUR })).toMatchObject({ run: [] });
  });

  it("is each occurrence of a short outage", () => {
    const { run, misfired, next } = planned(everySecond, { from: SECOND, now: 5 * SECOND + 1 });
    expect({ run, misfired, next }).toEqual({
      run: [1, 2, 3, 4, 5].map((n) => n * SECOND),
      misfired: [],
      next: 6 * SECOND,
    });
  });
});

describe("what is late", () => {
  it("runs up to the grace and misfires beyond it, to the millisecond", () => {
    const now = 100 * SECOND;
    const { run, misfired, next } = planned(everySecond, { from: SECOND, now });
    const last = now - MISFIRE_GRACE_MS;
    expect(run[0]).toBe(last);
    expect(misfired.at(-1)).toBe(last - SECOND);
    expect(run.at(-1)).toBe(now);
    expect(next).toBe(now + SECOND);
    expect(planned(everySecond, { from: SECOND, now: now + 1 }).run[0]).toBe(last + SECOND);
  });

  it("runs once, for the latest, when all of it is beyond the grace", () => {
    const now = 5 * HOUR + 30 * MINUTE;
    expect(planned(everyHour, { from: HOUR, now })).toMatchObject({
      run: [5 * HOUR],
      misfired: [1, 2, 3, 4].map((n) => n * HOUR),
      next: 6 * HOUR,
    });
  });

  it("runs within the grace without another for the latest", () => {
    const now = 5 * HOUR + 1;
    expect(planned(everyHour, { from: 4 * HOUR, now }).run).toEqual([5 * HOUR]);
  });

  it("runs however late when it was to run only once", () => {
    const once: Schedule = { type: "once", at: HOUR };
    expect(planned(once, { from: HOUR, now: 1_000 * HOUR })).toMatchObject({
      run: [HOUR],
      misfired: [],
      next: null,
    });
  });
});

describe("a cron schedule", () => {
  const utc = (text: string) => Date.parse(text);

  it("is planned like any other", () => {
    const daily = parseSchedule("0 9 * * *", { timezone: "UTC", anchor: 0 });
    expect(planned(daily, { from: utc("2030-01-01T09:00:00Z"), now: utc("2030-01-03T12:00:00Z") })).toMatchObject({
      run: [utc("2030-01-03T09:00:00Z")],
      misfired: [utc("2030-01-01T09:00:00Z"), utc("2030-01-02T09:00:00Z")],
      next: utc("2030-01-04T09:00:00Z"),
    });
  });

  it("runs in both passes of an hour that comes twice when it follows elapsed time", () => {
    // Berlin goes back from 03:00 to 02:00 at 01:00 UTC.
    const hourly = parseSchedule("0 * * * *", { timezone: "Europe/Berlin", anchor: 0 });
    const { run, misfired, next } = planned(hourly, {
      from: utc("2030-10-27T00:00:00Z"),
      now: utc("2030-10-27T02:00:00Z"),
    });
    expect([...misfired, ...run]).toEqual(["00", "01", "02"].map((hour) => utc(`2030-10-27T${hour}:00:00Z`)));
    expect(next).toBe(utc("2030-10-27T03:00:00Z"));
  });
});

describe("the runs that are left", () => {
  it("may be none: then nothing is planned, however much is due", () => {
    expect(planned(everySecond, { from: SECOND, now: 10 * SECOND, runsLeft: 0 })).toEqual({
      run: [],
      misfired: [],
      next: null,
      count: 0,
    });
  });

  it("end the plan: what lies beyond is no occurrence", () => {
    expect(planned(everySecond, { from: SECOND, now: 10 * SECOND, runsLeft: 3 })).toMatchObject({
      run: [SECOND, 2 * SECOND, 3 * SECOND],
      next: null,
      count: 3,
    });
  });

  it("are not used up by what misfires", () => {
    const plan = planned(everyHour, { from: HOUR, now: 5 * HOUR + 30 * MINUTE, runsLeft: 1 });
    expect(plan).toMatchObject({ run: [5 * HOUR], next: null });
    expect(plan.misfired).toHaveLength(4);
  });

  it("may be just enough", () => {
    expect(planned(everySecond, { from: SECOND, now: 2 * SECOND, runsLeft: 2 })).toMatchObject({
      run: [SECOND, 2 * SECOND],
      next: null,
    });
    expect(planned(everySecond, { from: SECOND, now: 2 * SECOND, runsLeft: 3 })).toMatchObject({ next: 3 * SECOND });
  });
});

describe("a long outage", () => {
  it("gives the first misfires a row each and counts the others in one", () => {
    const now = 100 * HOUR + 30 * MINUTE;
    const { occurrences } = planOccurrences(everyHour, { ...ANY, from: HOUR, now });
    expect(occurrences).toHaveLength(62);
    expect(occurrences[59]).toEqual({ scheduledFor: 60 * HOUR, until: 60 * HOUR, count: 1, skip: "misfire" });
    expect(occurrences[60]).toEqual({ scheduledFor: 61 * HOUR, until: 99 * HOUR, count: 39, skip: "misfire" });
    expect(occurrences[61]).toEqual({ scheduledFor: 100 * HOUR, until: 100 * HOUR, count: 1, skip: null });
  });

  it("is written in parts that leave nothing out, double nothing, and run the latest", () => {
    const now = 100 * HOUR + 30 * MINUTE;
    for (const limit of [1, 7, 99, 100, 101]) {
      const seen: PlannedOccurrence[] = [];
      let next: number | null = HOUR;
      for (let parts = 0; next !== null && next <= now; parts++) {
        expect(parts).toBeLessThan(101);
        const plan = planOccurrences(everyHour, { from: next, now, runsLeft: Number.POSITIVE_INFINITY, limit });
        expect(plan.occurrences.length).toBeLessThanOrEqual(limit);
        seen.push(...plan.occurrences);
        next = plan.next;
      }
      const instants = seen.flatMap((o) => Array.from({ length: o.count }, (_, i) => o.scheduledFor + i * HOUR));
      expect(instants).toEqual(Array.from({ length: 100 }, (_, i) => (i + 1) * HOUR));
      expect(seen.filter((o) => o.skip === null).map((o) => o.scheduledFor)).toEqual([100 * HOUR]);
      expect(next).toBe(101 * HOUR);
    }
  });
});
