import type { DstRule } from "@belfry/contract/dst.ts";
import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import { preview } from "./occurrences.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";

const NEW_YORK = "America/New_York";
const WORKDAYS = [1, 2, 3, 4, 5];
const hours = (from: number, to: number) => ({ from: from * 3_600, to: to * 3_600 });
const cron = (expression: string, timezone = NEW_YORK): Schedule => ({ type: "cron", expression, timezone });

type Rules = Omit<RestrictedSchedule, "type" | "of" | "timezone">;
const restricted = (of: Schedule, rules: Rules): Schedule => ({ type: "restricted", of, timezone: NEW_YORK, ...rules });

/** The next occurrences from a day on, as local times with their weekday. */
function runs(of: Schedule, rules: Rules, day: string, count: number): string[] {
  const from = Temporal.PlainDate.from(day).toZonedDateTime(NEW_YORK).epochMilliseconds;
  return preview(restricted(of, rules), from - 1, count).map((at) => {
    const time = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(NEW_YORK);
    const weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][time.dayOfWeek - 1];
    return `${weekday} ${time.toPlainDateTime().toString({ smallestUnit: "minute" }).replace("T", " ")}`;
  });
}

describe("bounds", () => {
  it("begin with the start and end before the end", () => {
    const start = Date.parse("2026-03-02T09:00-05:00");
    const end = Date.parse("2026-03-04T09:00-05:00");
    expect(runs(cron("0 9 * * *"), { start, end }, "2026-01-01", 9)).toEqual([
      "Mon 2026-03-02 09:00",
      "Tue 2026-03-03 09:00",
    ]);
    expect(nextRun(restricted(cron("0 9 * * *"), { start, end }), end)).toBeNull();
  });
});

describe("dates and weekdays", () => {
  it("leave out what lies on them", () => {
    expect(runs(cron("0 9 * * *"), { weekdays: WORKDAYS, excludeDates: ["2026-12-25"] }, "2026-12-24", 3)).toEqual([
      "Thu 2026-12-24 09:00",
      "Mon 2026-12-28 09:00",
      "Tue 2026-12-29 09:00",
    ]);
  });

  it("are those of the restriction's zone, not of the schedule's", () => {
    const thursdayEvening = cron("0 2 * * *", "UTC");
    expect(runs(thursdayEvening, { excludeDates: ["2026-12-24"] }, "2026-12-23", 2)).toEqual([
      "Wed 2026-12-23 21:00",
      "Fri 2026-12-25 21:00",
    ]);
  });

  it("of several calendars all count: on a date of each that includes, and of none that excludes", () => {
    const calendars: RestrictedSchedule["calendars"] = [
      { name: "closing days", mode: "include", dates: ["2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31"] },
      { name: "audited", mode: "include", dates: ["2026-06-30", "2026-12-31", "2027-06-30"] },
      { name: "holidays", mode: "exclude", dates: ["2026-12-31"] },
    ];
    expect(runs(cron("0 9 * * *"), { calendars }, "2026-01-01", 5)).toEqual(["Tue 2026-06-30 09:00"]);
  });
});

describe("windows", () => {
  it("hold their beginning and not their end", () => {
    expect(runs(cron("*/30 * * * *"), { windows: [hours(9, 10), hours(14, 14.5)] }, "2026-01-01", 4)).toEqual([
      "Thu 2026-01-01 09:00",
      "Thu 2026-01-01 09:30",
      "Thu 2026-01-01 14:00",
      "Fri 2026-01-02 09:00",
    ]);
    expect(runs(cron("0 */12 * * *"), { windows: [hours(12, 24)] }, "2026-01-01", 2)).toEqual([
      "Thu 2026-01-01 12:00",
      "Fri 2026-01-02 12:00",
    ]);
  });

  it("over midnight belong to the day on which they begin", () => {
    const fridayNight: Rules = { windows: [hours(22, 4)], weekdays: [5] };
    expect(runs(cron("0 1,23 * * *"), fridayNight, "2026-01-01", 4)).toEqual([
      "Fri 2026-01-02 23:00",
      "Sat 2026-01-03 01:00",
      "Fri 2026-01-09 23:00",
      "Sat 2026-01-10 01:00",
    ]);
    // The night of the 25th does not begin, that of the 24th runs to its end.
    expect(
      runs(cron("0 1,23 * * *"), { windows: [hours(22, 4)], excludeDates: ["2026-12-25"] }, "2026-12-24", 5),
    ).toEqual([
      "Thu 2026-12-24 01:00",
      "Thu 2026-12-24 23:00",
      "Fri 2026-12-25 01:00",
      "Sat 2026-12-26 23:00",
      "Sun 2026-12-27 01:00",
    ]);
  });

  it("of the new day count before those that the day before has left open", () => {
    const rules: Rules = { windows: [hours(22, 4), hours(1, 2)], excludeDates: ["2026-12-25"] };
    expect(runs(cron("30 0-3 * * *"), rules, "2026-12-25", 5)).toEqual([
      "Fri 2026-12-25 00:30",
      "Fri 2026-12-25 02:30",
      "Fri 2026-12-25 03:30",
      "Sat 2026-12-26 01:30",
      "Sun 2026-12-27 00:30",
    ]);
  });

  it("follow the clocks when these are changed", () => {
    // In New York 02:00 is followed by 03:00 on 8 March 2026, and 01:59 by 01:00 on 1 November.
    expect(runs(cron("*/30 * * * *", "UTC"), { windows: [hours(1, 3)] }, "2026-03-08", 3)).toEqual([
      "Sun 2026-03-08 01:00",
      "Sun 2026-03-08 01:30",
      "Mon 2026-03-09 01:00",
    ]);
    expect(runs(cron("*/30 * * * *", "UTC"), { windows: [hours(1, 2)] }, "2026-11-01", 5)).toEqual([
      "Sun 2026-11-01 01:00",
      "Sun 2026-11-01 01:30",
      "Sun 2026-11-01 01:00",
      "Sun 2026-11-01 01:30",
      "Mon 2026-11-02 01:00",
    ]);
  });
});

describe("what lies on an excluded day is moved", () => {
  const holidays = (...dates: string[]) => [{ name: "holidays", mode: "exclude" as const, dates }];

  it("to the next business day", () => {
    const rules: Rules = { weekdays: WORKDAYS, calendars: holidays("2026-12-25"), move: "next" };
    expect(runs(cron("0 9 1,25 * *"), rules, "2026-10-26", 4)).toEqual([
      "Mon 2026-10-26 09:00",
      "Mon 2026-11-02 09:00",
      "Wed 2026-11-25 09:00",
      "Tue 2026-12-01 09:00",
    ]);
    expect(runs(cron("0 9 1,25 * *"), rules, "2026-12-02", 2)).toEqual([
      "Mon 2026-12-28 09:00",
      "Fri 2027-01-01 09:00",
    ]);
  });

  it("to the business day before", () => {
    const rules: Rules = { weekdays: WORKDAYS, calendars: holidays("2026-12-25"), move: "previous" };
    expect(runs(cron("0 9 25-27 * *"), rules, "2026-12-01", 3)).toEqual([
      "Thu 2026-12-24 09:00",
      "Mon 2027-01-25 09:00",
      "Tue 2027-01-26 09:00",
    ]);
  });

  it("and is one with what is there already", () => {
    expect(runs(cron("0 9 * * *"), { weekdays: WORKDAYS, move: "next" }, "2026-01-02", 3)).toEqual([
      "Fri 2026-01-02 09:00",
      "Mon 2026-01-05 09:00",
      "Tue 2026-01-06 09:00",
    ]);
    // On Saturdays at another time: Monday has both.
    const either: Schedule = { type: "any", of: [cron("0 9 * * 1-5"), cron("0 7 * * 6")] };
    expect(runs(either, { weekdays: WORKDAYS, move: "next" }, "2026-01-02", 3)).toEqual([
      "Fri 2026-01-02 09:00",
      "Mon 2026-01-05 07:00",
      "Mon 2026-01-05 09:00",
    ]);
  });

  it("in order, also when an early one is moved past a later one", () => {
    const either: Schedule = { type: "any", of: [cron("0 20 * * 6"), cron("0 7 * * 0"), cron("0 12 * * 1")] };
    expect(runs(either, { weekdays: WORKDAYS, move: "next" }, "2026-01-02", 4)).toEqual([
      "Mon 2026-01-05 07:00",
      "Mon 2026-01-05 12:00",
      "Mon 2026-01-05 20:00",
      "Mon 2026-01-12 07:00",
    ]);
  });

  it("within the bounds: they hold for where it goes", () => {
    const saturday = cron("0 9 * * 6");
    const monday = Date.parse("2026-01-05T09:00-05:00");
    expect(runs(saturday, { weekdays: WORKDAYS, move: "next", end: monday + 1 }, "2026-01-02", 3)).toEqual([
      "Mon 2026-01-05 09:00",
    ]);
    expect(runs(saturday, { weekdays: WORKDAYS, move: "next", end: monday }, "2026-01-02", 3)).toEqual([]);
    expect(runs(saturday, { weekdays: WORKDAYS, move: "next", start: monday }, "2026-01-01", 1)).toEqual([
      "Mon 2026-01-05 09:00",
    ]);
    const friday = Date.parse("2026-01-02T09:00-05:00");
    expect(runs(saturday, { weekdays: WORKDAYS, move: "previous", start: friday + 1 }, "2026-01-01", 1)).toEqual([
      "Fri 2026-01-09 09:00",
    ]);
  });

  it("by 31 days and no more", () => {
    const dates = Array.from({ length: 31 }, (_, day) =>
      new Date(Date.UTC(2026, 2, 1 + day)).toISOString().slice(0, 10),
    );
    const onFirst = cron("0 9 1 3 *");
    expect(runs(onFirst, { excludeDates: dates, move: "next" }, "2026-01-01", 1)).toEqual(["Wed 2026-04-01 09:00"]);
    expect(runs(onFirst, { excludeDates: [...dates, "2026-04-01"], move: "next" }, "2026-01-01", 1)).toEqual([
      "Mon 2027-03-01 09:00",
    ]);
  });

  it("at the end of the gap where the day does not have its local time, and first where it has it twice", () => {
    expect(runs(cron("30 2 7 * *"), { weekdays: [0], move: "next" }, "2026-03-01", 1)).toEqual([
      "Sun 2026-03-08 03:00",
    ]);
    const moved = nextRun(
      restricted(cron("30 1 31 * *"), { weekdays: [0], move: "next" }),
      Date.parse("2026-10-20T00:00Z"),
    );
    expect(moved).toBe(Date.parse("2026-11-01T01:30-04:00"));
  });

  describe("by the rule that the schedule has for changes of the clocks", () => {
    const at = (time: string, dst?: DstRule): Schedule => ({
      type: "calendar",
      times: [time],
      days: { every: "day", interval: 1 },
      timezone: NEW_YORK,
      ...(dst && { dst }),
    });
    const on = (day: string, of: Schedule, excluded: string, move: "next" | "previous" = "next") => {
      const from = Temporal.PlainDate.from(day).toZonedDateTime(NEW_YORK);
      const schedule = restricted(of, { excludeDates: [excluded], move });
      return preview(schedule, from.epochMilliseconds - 1, 9)
        .filter((instant) => instant < from.add({ days: 1 }).epochMilliseconds)
        .map((instant) =>
          Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(NEW_YORK).toString().slice(11, 22),
        );
    };
    const gap = (of: Schedule) => on("2026-03-08", of, "2026-03-07");
    const fold = (of: Schedule) => on("2026-11-01", of, "2026-10-31");

    it("so that it is one with what the day has itself", () => {
      expect(gap(at("02:30"))).toEqual(["03:00:00-04"]);
      expect(gap(at("02:30", { gap: "shift", fold: "first" }))).toEqual(["03:30:00-04"]);
      expect(gap(at("02:30", { gap: "skip", fold: "first" }))).toEqual([]);
      expect(fold(at("01:30"))).toEqual(["01:30:00-04"]);
      expect(fold(at("01:30", { gap: "next", fold: "last" }))).toEqual(["01:30:00-05"]);
      expect(fold(at("01:30", { gap: "next", fold: "both" }))).toEqual(["01:30:00-04", "01:30:00-05"]);
      expect(fold(cron("30 1 * * *"))).toEqual(["01:30:00-04"]);
      expect(fold(restricted(at("01:30", { gap: "next", fold: "last" }), {}))).toEqual(["01:30:00-05"]);
    });

    it("also when it comes from the day of the change: it goes to the local time that was meant", () => {
      expect(on("2026-03-09", at("02:30"), "2026-03-08")).toEqual(["02:30:00-04"]);
      expect(on("2026-03-07", at("02:30"), "2026-03-08", "previous")).toEqual(["02:30:00-05"]);
      expect(on("2026-03-09", at("02:30", { gap: "shift", fold: "first" }), "2026-03-08")).toEqual(["02:30:00-04"]);
      expect(on("2026-11-02", at("01:30", { gap: "next", fold: "both" }), "2026-11-01")).toEqual(["01:30:00-05"]);
    });

    it("but not what the day of the change does not have", () => {
      const sundays: Schedule = {
        type: "cron",
        expression: "30 2 * * 0",
        timezone: NEW_YORK,
        dst: { gap: "skip", fold: "first" },
      };
      expect(on("2026-03-09", sundays, "2026-03-08")).toEqual([]);
    });

    it("or later by the gap's length, and first, if it comes from an interval", () => {
      const daily: Schedule = { type: "interval", everyMs: 86_400_000, anchor: Date.parse("2026-03-01T02:30-05:00") };
      expect(on("2026-03-08", daily, "2026-03-07")).toEqual(["03:30:00-04"]);
    });
  });

  it("with its window: a night goes to another night", () => {
    expect(
      runs(cron("0 1,23 * * *"), { windows: [hours(22, 4)], weekdays: [1], move: "next" }, "2026-01-03", 3),
    ).toEqual(["Mon 2026-01-05 23:00", "Tue 2026-01-06 01:00", "Mon 2026-01-12 23:00"]);
  });

  it("also where the end of a night comes after a window of the day that follows", () => {
    const rules: Rules = { windows: [hours(12, 4), hours(0, 3)], move: "next" };
    const monday = runs(cron("0 * * * 1#2"), rules, "2025-03-09", 5);
    expect(monday.map((run) => run.slice(-5))).toEqual(["00:00", "01:00", "02:00", "03:00", "12:00"]);
    const last: Schedule = { type: "any", of: [{ type: "once", at: Date.parse("2025-03-10T01:00-04:00") }] };
    expect(runs(last, rules, "2025-03-09", 5)).toEqual(["Mon 2025-03-10 01:00"]);
  });

  it("or not, if a gap makes it late for its window", () => {
    const rules: Rules = { windows: [hours(2, 3)], weekdays: [0], move: "next" };
    expect(runs(cron("30 2 7 * *"), rules, "2026-03-01", 1)).toEqual(["Sun 2026-04-12 02:30"]);
  });

  it("or not, if it lies outside of the windows", () => {
    expect(
      runs(cron("0 9,23 * * *"), { windows: [hours(8, 10)], weekdays: [1], move: "next" }, "2026-01-03", 2),
    ).toEqual(["Mon 2026-01-05 09:00", "Mon 2026-01-12 09:00"]);
  });
});

it("restrictions can be restricted", () => {
  const nights = restricted(cron("0 * * * *"), { windows: [hours(22, 4)] });
  expect(runs(nights, { windows: [hours(3, 23)], weekdays: [6] }, "2026-01-01", 3)).toEqual([
    "Sat 2026-01-03 03:00",
    "Sat 2026-01-03 22:00",
    "Sat 2026-01-10 03:00",
  ]);
});
