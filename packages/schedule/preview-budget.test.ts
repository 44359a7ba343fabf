import { describe, expect, it } from "vitest";
import { parseSchedule } from "./parse-schedule.ts";
import { type ExplainOptions, explainOccurrences } from "./preview.ts";

const NEW_YORK = "America/New_York";
const at = (text: string) => Date.parse(text);
const MARCH = at("2026-03-07T00:00:00Z");

type Written = Parameters<typeof parseSchedule>[0];
const explain = (written: Written, options: Partial<ExplainOptions> = {}, timezone = NEW_YORK) =>
  explainOccurrences(parseSchedule(written, { timezone, anchor: MARCH }), { from: MARCH, count: 3, ...options });
/** Some text of each occurrence and its notes. */
const shown = (explanation: ReturnType<typeof explain>) =>
  explanation.occurrences.map(({ local, notes }) => [local.slice(0, 22), ...notes]);

/** Says yes so many times. */
const yes = (times: number) => {
  let left = times;
  return () => () => left-- > 0;
};

describe("the occurrences of a stretch of time", () => {
  it("are given with the local time in the schedule's own zone", () => {
    const { occurrences } = explain({ type: "daily", time: "09:00", timezone: "Asia/Tokyo" }, { count: 1 });
    expect(occurrences).toEqual([{ at: MARCH, local: "2026-03-07T09:00:00+09:00[Asia/Tokyo]", notes: [] }]);
  });

  it("are given in the zone asked for when the schedule knows instants only", () => {
    const local = (options: object) => explain("@every 1h", { count: 1, ...options }).occurrences[0]?.local;
    expect(local({})).toBe("2026-03-07T01:00:00+00:00[UTC]");
    expect(local({ timezone: NEW_YORK })).toBe("2026-03-06T20:00:00-05:00[America/New_York]");
  });

  it("say where a gap put them off, and which pass of a fold they are in", () => {
    expect(shown(explain("30 2 * * *", { from: at("2026-03-08T00:00:00Z"), count: 1 }))).toEqual([
      ["2026-03-08T03:00:00-04", "local time 02:30 does not exist that day; runs at 03:00 after the clocks go forward"],
    ]);
    expect(shown(explain("30 * * * *", { from: at("2026-11-01T05:00:00Z"), count: 2 }))).toEqual([
      ["2026-11-01T01:30:00-04", "the local time comes twice; this is the first pass"],
      ["2026-11-01T01:30:00-05", "the local time comes twice; this is the second pass"],
    ]);
  });

  it("say from where they were moved, and how much later they may start", () => {
    const daily: Written = { type: "daily", time: "09:00", exclude_dates: ["2026-03-07"], move: "next", jitter: "10m" };
    expect(shown(explain(daily, { count: 1, from: MARCH, jobKey: "a" }))).toEqual([
      [
        "2026-03-08T09:00:00-04",
        "moved from 2026-03-07, which is excluded",
        expect.stringMatching(/^starts up to 10m later: at 2026-03-08T13:0\d:[\d.]+Z$/),
      ],
    ]);
  });
});

describe("what was left out", () => {
  it("is told in ranges with one reason, up to the last occurrence", () => {
    const { dropped } = explain({ type: "cron", value: "0 * * * *", windows: "09:00-10:00" }, { count: 2 }, "UTC");
    expect(dropped.map(({ at, until, count, reason }) => [iso(at), iso(until), count, reason])).toEqual([
      ["2026-03-07T00:00:00Z", "2026-03-07T08:00:00Z", 9, "outside 09:00-10:00"],
      ["2026-03-07T10:00:00Z", "2026-03-08T08:00:00Z", 23, "outside 09:00-10:00"],
    ]);
  });

  it("goes on to the end when there are fewer occurrences than asked for", () => {
    const range = { from: MARCH, to: at("2026-03-10T00:00:00Z"), count: 100 };
    const { occurrences, dropped, isComplete } = explain(
      { type: "daily", time: "09:00", weekdays: ["mon"] },
      range,
      "UTC",
    );
    expect(occurrences.map(({ at }) => iso(at))).toEqual(["2026-03-09T09:00:00Z"]);
    expect(dropped.map(({ reason }) => reason)).toEqual(["2026-03-07 is a Saturday", "2026-03-08 is a Sunday"]);
    expect(isComplete).toBe(true);
  });
});

describe("a budget", () => {
  it("ends the search, and what was found is told as a part", () => {
    const explanation = explain("0 9 * * *", { count: 5, budget: yes(2) }, "UTC");
    expect(explanation.occurrences).toHaveLength(2);
    expect(explanation.isComplete).toBe(false);
    expect(explain("0 9 * * *", { count: 2, budget: yes(2) }, "UTC").isComplete).toBe(true);
  });

  it("holds for what was left out as well", () => {
    const mondays: Written = { type: "daily", time: "09:00", weekdays: ["mon"] };
    const explanation = explain(mondays, { count: 1, budget: yes(2) }, "UTC");
    expect(explanation).toMatchObject({ isComplete: true, droppedIsComplete: false, dropped: { length: 1 } });
    expect(explain(mondays, { count: 1 }, "UTC")).toMatchObject({ droppedIsComplete: true, dropped: { length: 2 } });
  });
});

const iso = (instant: number) => new Date(instant).toISOString().replace(".000Z", "Z");
