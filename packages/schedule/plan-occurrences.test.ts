import { type MisfirePolicy, misfirePolicy } from "@belfry/contract/policies.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preview } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";
import { type Plan, type PlannedOccurrence, type PlanOptions, planOccurrences } from "./plan-occurrences.ts";
import type { Schedule } from "./schedule.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const everySecond: Schedule = { type: "interval", everyMs: SECOND, anchor: 0 };
const everyHour: Schedule = { type: "interval", everyMs: HOUR, anchor: 0 };
const onceAtOne: Schedule = { type: "once", at: HOUR };
const ENDLESS = Number.POSITIVE_INFINITY;

type Settings = Partial<MisfirePolicy>;
type Options = Pick<PlanOptions, "from" | "now"> & Partial<PlanOptions>;

const hours = (...numbers: number[]): number[] => numbers.map((n) => n * HOUR);
const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const utc = (text: string): number => Date.parse(text);

const plan = (schedule: Schedule, misfire: Settings, options: Options): Plan =>
  planOccurrences(schedule, { runsLeft: ENDLESS, limit: ENDLESS, misfire: misfirePolicy.parse(misfire), ...options });

/** The plan in short: the instants to be run, the rows of those that misfired by their first instant, and what comes next. */
function planned(schedule: Schedule, misfire: Settings, options: Options) {
  const { occurrences, next } = plan(schedule, misfire, options);
  const at = (skip: string | null) => occurrences.filter((o) => o.skip === skip).map((o) => o.scheduledFor);
  return { run: at(null), misfired: at("misfire"), next };
}

describe("what is due", () => {
  it("is nothing before its time", () => {
    expect(planned(everyHour, {}, { from: HOUR, now: HOUR - 1 })).toEqual({ run: [], misfired: [], next: HOUR });
  });

  it("is an occurrence whose instant is now, once", () => {
    expect(planned(everyHour, {}, { from: HOUR, now: HOUR })).toEqual({ run: [HOUR], misfired: [], next: 2 * HOUR });
    expect(planned(everyHour, {}, { from: 2 * HOUR, now: HOUR })).toEqual({ run: [], misfired: [], next: 2 * HOUR });
  });

  it("is each occurrence of a short outage, whatever the policy", () => {
    for (const policy of ["skip", "run_once", "run_all"] as const) {
      expect(planned(everySecond, { policy }, { from: SECOND, now: 5 * SECOND + 1 })).toEqual({
        run: [1, 2, 3, 4, 5].map((n) => n * SECOND),
        misfired: [],
        next: 6 * SECOND,
      });
    }
  });
});

it("what is due is planned also when it is not found out what follows it", () => {
  const cron = (expression: string): Schedule => ({ type: "cron", expression, timezone: "UTC" });
  const last = utc("2026-03-03T09:00Z");
  const endless: Schedule = {
    type: "any",
    of: [
      { type: "once", at: last },
      { type: "all", of: [cron("* * 1-31/2 * *"), cron("* * 2-30/2 * *")] },
    ],
  };
  expect(planned(endless, {}, { from: last, now: last })).toEqual({ run: [last], misfired: [], next: null });
});

describe("the grace", () => {
  it.each<[Settings, lastInTime: number]>([
    [{}, MINUTE],
    [{ grace_ms: 0 }, 0],
    [{ grace_ms: 90 * SECOND }, 90 * SECOND],
    [{ grace_ms: 30 * DAY }, 30 * DAY],
  ])("of %o lets an occurrence run that is late by %i ms, and none that is later by one", (settings, late) => {
    const misfire: Settings = { ...settings, policy: "skip" };
    expect(planned(onceAtOne, misfire, { from: HOUR, now: HOUR + late })).toEqual({
      run: [HOUR],
      misfired: [],
      next: null,
    });
    expect(planned(onceAtOne, misfire, { from: HOUR, now: HOUR + late + 1 })).toEqual({
      run: [],
      misfired: [HOUR],
      next: null,
    });
  });

  it("parts those in time from those too late to the millisecond", () => {
    const now = 100 * SECOND;
    const { run, misfired, next } = planned(everySecond, {}, { from: SECOND, now });
    expect(misfired).toEqual(oneTo(39).map((n) => n * SECOND));
    expect(run).toEqual(oneTo(61).map((n) => (n + 39) * SECOND));
    expect(next).toBe(101 * SECOND);
    expect(planned(everySecond, {}, { from: SECOND, now: now + 1 }).run[0]).toBe(41 * SECOND);
  });
});

describe("past the grace", () => {
  /** 1:00, 2:00, 3:00, 4:00 and 5:00 are due, the latest half an hour ago. */
  const outage = { from: HOUR, now: 5 * HOUR + 30 * MINUTE };
  const age = (hour: number): number => outage.now - hour * HOUR;

  it.each<[why: string, Settings, run: number[], misfired: number[]]>([
    ["none runs", { policy: "skip" }, [], [1, 2, 3, 4, 5]],
    ["the latest runs", { policy: "run_once" }, [5], [1, 2, 3, 4]],
    ["the latest runs, which is the default", {}, [5], [1, 2, 3, 4]],
    [
      "the limits of run_all are none of run_once",
      { policy: "run_once", max_runs: 3, max_age_ms: 0 },
      [5],
      [1, 2, 3, 4],
    ],
    ["all run", { policy: "run_all" }, [1, 2, 3, 4, 5], []],
    ["the latest max_runs run", { policy: "run_all", max_runs: 2 }, [4, 5], [1, 2, 3]],
    ["as many run as max_runs", { policy: "run_all", max_runs: 5 }, [1, 2, 3, 4, 5], []],
    ["those of just max_age_ms run", { policy: "run_all", max_age_ms: age(3) }, [3, 4, 5], [1, 2]],
    ["those older by a millisecond do not", { policy: "run_all", max_age_ms: age(3) - 1 }, [4, 5], [1, 2, 3]],
    ["none is young enough", { policy: "run_all", max_age_ms: age(5) - 1 }, [], [1, 2, 3, 4, 5]],
    ["max_runs is the narrower limit", { policy: "run_all", max_age_ms: age(2), max_runs: 3 }, [3, 4, 5], [1, 2]],
    ["max_age_ms is the narrower limit", { policy: "run_all", max_age_ms: age(4), max_runs: 3 }, [4, 5], [1, 2, 3]],
  ])("%s: %o", (_, misfire, run, misfired) => {
    expect(planned(everyHour, misfire, outage)).toEqual({
      run: hours(...run),
      misfired: hours(...misfired),
      next: 6 * HOUR,
    });
  });

  it("run_all leaves out what is older than a day or beyond a hundred, unless told otherwise", () => {
    const halfHourly: Schedule = { type: "interval", everyMs: 30 * MINUTE, anchor: 0 };
    const aWeek = { from: 30 * MINUTE, now: 7 * DAY };
    expect(planned(halfHourly, { policy: "run_all" }, aWeek).run[0]).toBe(6 * DAY);
    expect(planned(halfHourly, { policy: "run_all" }, aWeek).run).toHaveLength(49);
    // The hundred come on top of the two that are within the grace: now, and a minute ago.
    const minutely: Schedule = { type: "interval", everyMs: MINUTE, anchor: 0 };
    expect(planned(minutely, { policy: "run_all" }, { from: MINUTE, now: DAY }).run).toHaveLength(102);
  });

  /** Now is 5:00, and 4:00 is due too: some are late, and one is not. */
  it.each<[Settings, run: number[], misfired: number[]]>([
    [{ policy: "skip" }, [5], [1, 2, 3, 4]],
    [{ policy: "run_once" }, [5], [1, 2, 3, 4]],
    [{ policy: "run_all", max_runs: 2 }, [3, 4, 5], [1, 2]],
    [{ policy: "run_all", max_age_ms: HOUR }, [4, 5], [1, 2, 3]],
    [{ policy: "run_all", max_age_ms: 0 }, [5], [1, 2, 3, 4]],
    [{ policy: "run_all", max_age_ms: HOUR, grace_ms: 2 * HOUR }, [3, 4, 5], [1, 2]],
  ])("is judged apart from what is in time, which runs in any case: %o", (misfire, run, misfired) => {
    expect(planned(everyHour, misfire, { from: HOUR, now: 5 * HOUR })).toEqual({
      run: hours(...run),
      misfired: hours(...misfired),
      next: 6 * HOUR,
    });
  });
});

describe("a schedule of one instant", () => {
  it.each<[Settings, runs: boolean]>([
    [{ policy: "skip" }, false],
    [{ policy: "run_once" }, true],
    [{ policy: "run_all" }, false],
    [{ policy: "run_all", max_age_ms: 41 * DAY }, true],
  ])("under %o runs after 41 days: %s; and then it is over", (misfire, runs) => {
    expect(planned(onceAtOne, misfire, { from: HOUR, now: 41 * DAY + HOUR })).toEqual({
      run: runs ? [HOUR] : [],
      misfired: runs ? [] : [HOUR],
      next: null,
    });
  });
});

describe("a cron schedule", () => {
  it("is planned like any other", () => {
    const daily = parseSchedule("0 9 * * *", { timezone: "UTC", anchor: 0 });
    const days = ["01", "02", "03"].map((day) => utc(`2030-01-${day}T09:00:00Z`));
    const outage = { from: utc("2030-01-01T09:00:00Z"), now: utc("2030-01-03T12:00:00Z") };
    const next = utc("2030-01-04T09:00:00Z");
    expect(planned(daily, { policy: "skip" }, outage)).toEqual({ run: [], misfired: days, next });
    expect(planned(daily, {}, outage)).toEqual({ run: days.slice(2), misfired: days.slice(0, 2), next });
    expect(planned(daily, { policy: "run_all", max_age_ms: 27 * HOUR }, outage)).toEqual({
      run: days.slice(1),
      misfired: days.slice(0, 1),
      next,
    });
  });

  // Berlin goes back from 03:00 to 02:00 at 01:00 UTC, and forward from 02:00 to 03:00 at 01:00 UTC in spring.
  const inBerlin = (expression: string) => parseSchedule(expression, { timezone: "Europe/Berlin", anchor: 0 });

  it("that follows elapsed time has an occurrence in both passes of an hour that comes twice", () => {
    const outage = { from: utc("2030-10-27T00:00:00Z"), now: utc("2030-10-27T02:30:00Z") };
    expect(planned(inBerlin("0 * * * *"), {}, outage)).toEqual({
      run: [utc("2030-10-27T02:00:00Z")],
      misfired: [utc("2030-10-27T00:00:00Z"), utc("2030-10-27T01:00:00Z")],
      next: utc("2030-10-27T03:00:00Z"),
    });
  });

  it("of a fixed time has one occurrence in that night, and is late from its first pass on", () => {
    const halfPastTwo = inBerlin("30 2 * * *");
    const from = utc("2030-10-27T00:30:00Z");
    const next = utc("2030-10-28T01:30:00Z");
    expect(planned(halfPastTwo, { policy: "skip" }, { from, now: from + MINUTE })).toEqual({
      run: [from],
      misfired: [],
      next,
    });
    expect(planned(halfPastTwo, { policy: "skip" }, { from, now: utc("2030-10-27T01:30:00Z") })).toEqual({
      run: [],
      misfired: [from],
      next,
    });
  });

  it("of a local time that the clocks jump over has its occurrence when they have jumped", () => {
    const from = utc("2030-03-30T01:30:00Z");
    const jump = utc("2030-03-31T01:00:00Z");
    expect(planned(inBerlin("30 2 * * *"), {}, { from, now: jump + MINUTE })).toEqual({
      run: [jump],
      misfired: [from],
      next: utc("2030-04-01T00:30:00Z"),
    });
  });
});

describe("the runs that are left", () => {
  const outage = { from: HOUR, now: 5 * HOUR + 30 * MINUTE };

  it.each<[Settings, runsLeft: number, run: number[], misfired: number[], next: number | null]>([
    [{ policy: "skip" }, 1, [], [1, 2, 3, 4, 5], 6],
    [{ policy: "run_once" }, 1, [5], [1, 2, 3, 4], null],
    [{ policy: "run_once" }, 2, [5], [1, 2, 3, 4], 6],
    [{ policy: "run_all" }, 1, [1], [], null],
    [{ policy: "run_all" }, 3, [1, 2, 3], [], null],
    [{ policy: "run_all" }, 5, [1, 2, 3, 4, 5], [], null],
    [{ policy: "run_all" }, 6, [1, 2, 3, 4, 5], [], 6],
    [{ policy: "run_all", max_runs: 2 }, 1, [4], [1, 2, 3], null],
    [{ policy: "run_all", max_runs: 2 }, 2, [4, 5], [1, 2, 3], null],
    [{ policy: "run_all", max_runs: 2 }, 3, [4, 5], [1, 2, 3], 6],
  ])(
    "are used by what runs, not by what misfires, and end the plan: %o with %i",
    (misfire, runsLeft, run, misfired, next) => {
      expect(planned(everyHour, misfire, { ...outage, runsLeft })).toEqual({
        run: hours(...run),
        misfired: hours(...misfired),
        next: next === null ? null : next * HOUR,
      });
    },
  );

  it("are used by what runs in time too", () => {
    const inTime = { from: SECOND, now: 10 * SECOND };
    for (const policy of ["skip", "run_once", "run_all"] as const) {
      expect(planned(everySecond, { policy }, { ...inTime, runsLeft: 3 })).toEqual({
        run: [SECOND, 2 * SECOND, 3 * SECOND],
        misfired: [],
        next: null,
      });
      expect(planned(everySecond, { policy }, { ...inTime, runsLeft: 11 }).next).toBe(11 * SECOND);
    }
  });

  it("may be none: then nothing is planned, however much is due", () => {
    for (const policy of ["skip", "run_once", "run_all"] as const) {
      for (const runsLeft of [0, -1]) {
        expect(planned(everyHour, { policy }, { ...outage, runsLeft })).toEqual({ run: [], misfired: [], next: null });
      }
    }
  });
});

describe("the rows of misfires", () => {
  const row = (hour: number, until = hour): PlannedOccurrence => ({
    scheduledFor: hour * HOUR,
    until: until * HOUR,
    count: until - hour + 1,
    skip: "misfire",
  });
  const rowsAfter = (due: number, misfire: Settings) =>
    plan(everyHour, misfire, { from: HOUR, now: due * HOUR + 30 * MINUTE }).occurrences;

  it("are one each, up to 60", () => {
    expect(rowsAfter(60, { policy: "skip" })).toEqual(oneTo(60).map((n) => row(n)));
  });

  it("are 61 at most: the last stands for all that are left, from its instant to its `until`", () => {
    const singles = oneTo(60).map((n) => row(n));
    expect(rowsAfter(61, { policy: "skip" })).toEqual([...singles, row(61)]);
    expect(rowsAfter(62, { policy: "skip" })).toEqual([...singles, row(61, 62)]);
    expect(rowsAfter(5_000, { policy: "skip" })).toEqual([...singles, row(61, 5_000)]);
  });

  it("never stand for what runs, which has a row each", () => {
    const run = (hour: number): PlannedOccurrence => ({ ...row(hour), skip: null });
    expect(rowsAfter(100, {}).slice(60)).toEqual([row(61, 99), run(100)]);
    expect(rowsAfter(170, { policy: "run_all", max_runs: 100, max_age_ms: 90 * DAY }).slice(60)).toEqual([
      row(61, 70),
      ...oneTo(100).map((n) => run(n + 70)),
    ]);
  });
});

/** A job that is due, or several times so, with clocks and limits on and beside the boundaries. */
type Case = {
  schedule: Schedule;
  due: number[];
  next: number | null;
  now: number;
  misfire: MisfirePolicy;
  runsLeft: number;
};

const inUtc = (expression: string, timezone: string, after: string) => ({
  schedule: parseSchedule(expression, { timezone, anchor: 0 }),
  after: utc(after),
  most: 25,
});

const jobs = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        everyMs: fc.integer({ min: 1, max: 3 * HOUR }),
        anchor: fc.integer({ min: 0, max: HOUR }),
        runs: fc.nat(500),
      })
      .map(({ everyMs, anchor, runs }) => ({
        schedule: { type: "interval", everyMs, anchor } as const,
        after: anchor + runs * everyMs,
        most: 150,
      })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      inUtc("*/15 * * * *", "Europe/Berlin", "2030-10-26T23:00:00Z"),
      inUtc("30 2 * * *", "Europe/Berlin", "2030-10-20T00:00:00Z"),
      inUtc("30 2 * * *", "America/New_York", "2030-03-01T00:00:00Z"),
      inUtc("15,45 1-3 * * *", "Australia/Lord_Howe", "2030-10-05T00:00:00Z"),
    ),
  },
  { weight: 1, arbitrary: fc.constant({ schedule: onceAtOne, after: 0, most: 1 }) },
);

const cases: fc.Arbitrary<Case> = fc
  .record({
    job: jobs,
    many: fc.nat(1_000),
    sinceLatest: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(6 * HOUR)),
    policy: fc.constantFrom("skip", "run_once", "run_all"),
    /** An instant, by its place in what is due, and how much longer than its lateness the limit is. */
    grace: fc.tuple(fc.nat(150), fc.integer({ min: -1, max: 1 })),
    age: fc.tuple(fc.nat(150), fc.integer({ min: -1, max: 1 })),
    maxRuns: fc.integer({ min: 1, max: 12 }),
    runsLeft: fc.oneof(fc.constant(ENDLESS), fc.nat(20)),
  })
  .map(({ job: { schedule, after, most }, many, sinceLatest, policy, grace, age, maxRuns, runsLeft }) => {
    const instants = preview(schedule, after, (many % most) + 2);
    const next = instants.length > 1 ? (instants.pop() ?? null) : null;
    const now = Math.min((instants.at(-1) ?? after) + sinceLatest, (next ?? ENDLESS) - 1);
    const limit = ([place, more]: [number, number]) => {
      const at = instants[place % instants.length] ?? now;
      return Math.max(0, now - at + more);
    };
    const misfire = misfirePolicy.parse({ policy, grace_ms: limit(grace), max_age_ms: limit(age), max_runs: maxRuns });
    return { schedule, due: instants, next, now, misfire, runsLeft };
  });

describe("every plan", () => {
  it("follows the words of the policy", () => {
    fc.assert(
      fc.property(cases, ({ schedule, due, next, now, misfire, runsLeft }) => {
        const [from = 0] = due;
        expect(planOccurrences(schedule, { from, now, runsLeft, limit: ENDLESS, misfire })).toEqual(
          inWords(due, next, now, misfire, runsLeft),
        );
      }),
      { numRuns: 1_500 },
    );
  });

  it("made in parts says the same as one made at once, and each part goes on", () => {
    const limits = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(cases, limits, ({ schedule, due, now, misfire, runsLeft }, beyondRuns) => {
        const [from = 0] = due;
        const whole = planOccurrences(schedule, { from, now, runsLeft, limit: ENDLESS, misfire });

        const seen: { at: number; runs: boolean }[] = [];
        let next: number | null = from;
        let left = runsLeft;
        for (let parts = 0; next !== null && next <= now && left > 0; parts++) {
          const limit = misfire.max_runs + (beyondRuns[parts % beyondRuns.length] ?? 1);
          const part = planOccurrences(schedule, { from: next, now, runsLeft: left, limit, misfire });
          const instants = expand(part, due);
          expect(instants[0]?.at).toBe(next);
          expect(instants.length).toBeLessThanOrEqual(limit);
          expect(part.next ?? ENDLESS).toBeGreaterThan(instants.at(-1)?.at ?? ENDLESS);
          seen.push(...instants);
          left -= instants.filter(({ runs }) => runs).length;
          next = part.next;
        }

        expect(seen).toEqual(expand(whole, due));
        expect(seen.map(({ at }) => at)).toEqual(due.slice(0, seen.length));
        expect(next).toBe(runsLeft > 0 ? whole.next : from);
      }),
      { numRuns: 700 },
    );
  });
});

/** A second implementation: the policy as it is told to people, over all that is due. */
function inWords(due: number[], next: number | null, now: number, misfire: MisfirePolicy, runsLeft: number): Plan {
  const late = (at: number) => now - at;
  const inTime = due.filter((at) => late(at) <= misfire.grace_ms);
  const others = due.filter((at) => late(at) > misfire.grace_ms);
  const stillRun: number[] = {
    skip: [],
    run_once: others.filter((at) => at === Math.max(...due)),
    run_all: others.filter((at) => late(at) <= misfire.max_age_ms).slice(-misfire.max_runs),
  }[misfire.policy];
  const run = [...stillRun, ...inTime].slice(0, runsLeft);
  const isOver = run.length === runsLeft;
  const misfired = runsLeft > 0 ? others.filter((at) => !stillRun.includes(at)) : [];

  const single = (at: number, skip: "misfire" | null) => ({ scheduledFor: at, skip, until: at, count: 1 });
  const occurrences: PlannedOccurrence[] = misfired.slice(0, 60).map((at) => single(at, "misfire"));
  const [first, ...rest] = misfired.slice(60);
  if (first !== undefined) {
    occurrences.push({ scheduledFor: first, skip: "misfire", until: rest.at(-1) ?? first, count: rest.length + 1 });
  }
  occurrences.push(...run.map((at) => single(at, null)));
  return { occurrences, next: isOver ? null : next };
}

/** Each instant that the plan speaks of, ranges included. */
function expand({ occurrences }: Plan, due: number[]): { at: number; runs: boolean }[] {
  return occurrences.flatMap(({ scheduledFor, until, count, skip }) => {
    const instants = due.filter((at) => at >= scheduledFor && at <= until);
    expect(instants).toHaveLength(count);
    return instants.map((at) => ({ at, runs: skip === null }));
  });
}

describe("a long outage", () => {
  it("is written in parts, each with its own range, that leave nothing out and run the latest", () => {
    const now = 200 * HOUR + 30 * MINUTE;
    const first = plan(everyHour, {}, { from: HOUR, now, limit: 150 });
    expect(first.occurrences).toHaveLength(61);
    expect(first.occurrences.at(-1)).toEqual({
      scheduledFor: 61 * HOUR,
      until: 150 * HOUR,
      count: 90,
      skip: "misfire",
    });
    expect(first.next).toBe(151 * HOUR);
    expect(planned(everyHour, {}, { from: 151 * HOUR, now, limit: 150 })).toEqual({
      run: [200 * HOUR],
      misfired: oneTo(49).map((n) => (n + 150) * HOUR),
      next: 201 * HOUR,
    });
  });

  it("leaves to the next part what run_all may still run", () => {
    const now = 200 * HOUR + 30 * MINUTE;
    const misfire: Settings = { policy: "run_all", max_runs: 80, max_age_ms: 90 * DAY };
    const first = plan(everyHour, misfire, { from: HOUR, now, limit: 150 });
    expect(first.occurrences.every(({ skip }) => skip === "misfire")).toBe(true);
    expect(first.next).toBe(71 * HOUR);
    const second = planned(everyHour, misfire, { from: 71 * HOUR, now, limit: 150 });
    expect(second.run).toEqual(oneTo(80).map((n) => (n + 120) * HOUR));
    expect(second.misfired).toEqual(oneTo(50).map((n) => (n + 70) * HOUR));
  });

  it("is judged at once where a part reaches what is in time, to the millisecond", () => {
    const halfMinutes: Schedule = { type: "interval", everyMs: 30 * SECOND, anchor: 0 };
    const misfire: Settings = { policy: "run_all", max_runs: 2 };
    // At 150 s, 90 s is the first in time: the part sees that the two before it are the latest of those too late.
    expect(planned(halfMinutes, misfire, { from: 30 * SECOND, now: 150 * SECOND, limit: 3 })).toEqual({
      run: [30 * SECOND, 60 * SECOND, 90 * SECOND],
      misfired: [],
      next: 120 * SECOND,
    });
  });
});
