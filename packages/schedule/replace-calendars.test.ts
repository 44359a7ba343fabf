import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import { parseSchedule } from "./parse-schedule.ts";
import { replaceCalendars } from "./replace-calendars.ts";

const ANCHOR = Date.parse("2026-12-01T08:00:00Z");
const parse = (input: Parameters<typeof parseSchedule>[0], dates: string[] = []) =>
  parseSchedule(input, { timezone: "UTC", anchor: ANCHOR, calendars: () => ({ dates }) });

const at = (schedule: ReturnType<typeof parse>, after: string) =>
  new Date(nextRun(schedule, Date.parse(after)) as number).toISOString();

describe("replacing the dates of calendars", () => {
  it("gives what parsing again would give", () => {
    const inputs: Parameters<typeof parse>[0][] = [
      { type: "daily", time: "09:00", calendars: { exclude: ["holidays"] }, move: "next" },
      {
        type: "any",
        of: [
          { type: "cron", value: "0 9 * * *", calendars: { include: ["days"], exclude: ["holidays"] } },
          "@every 90m",
          { type: "except", of: ["@daily", { type: "daily", time: "00:00", calendars: { include: ["days"] } }] },
        ],
        calendars: { exclude: ["holidays"] },
      },
    ];
    const dates = ["2026-12-24", "2026-12-25"];
    for (const input of inputs) expect(replaceCalendars(parse(input), () => dates)).toEqual(parse(input, dates));
  });

  it("keeps what an interval is counted from", () => {
    const schedule = parse({ type: "interval", value: "7h", calendars: { exclude: ["holidays"] } });
    const changed = replaceCalendars(schedule, () => ["2026-12-02"]);
    expect(at(schedule, "2026-12-01T23:59:00Z")).toBe("2026-12-02T05:00:00.000Z");
    expect(at(changed, "2026-12-01T23:59:00Z")).toBe("2026-12-03T02:00:00.000Z");
  });

  it("leaves a schedule without calendars as it is", () => {
    const schedule = parse("0 9 * * *");
    expect(replaceCalendars(schedule, () => ["2026-12-25"])).toBe(schedule);
  });

  it("gives each calendar its own", () => {
    const schedule = parse({ type: "daily", time: "09:00", calendars: { include: ["days"], exclude: ["holidays"] } });
    const dates: Record<string, string[]> = { days: ["2026-12-24", "2026-12-28"], holidays: ["2026-12-24"] };
    expect(
      at(
        replaceCalendars(schedule, (name) => dates[name] ?? []),
        "2026-12-01T00:00:00Z",
      ),
    ).toBe("2026-12-28T09:00:00.000Z");
  });
});
