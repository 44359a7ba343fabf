import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { scheduleInput } from "@belfry/contract/schedule-input.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { written } from "./arbitrary-input.ts";
import { ScheduleError } from "./errors.ts";
import { nextRun } from "./next-run.ts";
import { parseSchedule } from "./parse-schedule.ts";

const FROM = Date.UTC(2026, 0, 1);

const calendars = (name: string) => (name === "holidays" ? { dates: ["2026-01-01", "2026-12-25"] } : undefined);
const options = { timezone: "Europe/Dublin", anchor: FROM, seed: "a job", calendars };

function attempt(input: unknown): number {
  const began = process.cpuUsage();
  try {
    const parsed = parseSchedule(input as ScheduleInput, options);
    // What is taken here is taken by the contract, and can be stored.
    expect(scheduleInput.safeParse(input).success).toBe(true);
    expect(JSON.parse(JSON.stringify(parsed))).toEqual(parsed);
    for (const after of [FROM, Date.UTC(9999, 11, 31), Date.UTC(1900, 0, 1)]) {
      const next = nextRun(parsed, after);
      if (next !== null) expect(Number.isInteger(next) && next > after).toBe(true);
    }
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    expect(error.message.isWellFormed()).toBe(true);
    expect(error.message.length).toBeLessThan(600);
    expect(error.field).toMatch(/^(?:schedule|timezone)/);
  }
  return process.cpuUsage(began).user / 1000;
}

it("anything is a schedule with a next run or a ScheduleError, soon", () => {
  fc.assert(
    fc.property(written, (input) => {
      // Slow means slow each time: a pause of a busy machine is not the parser's.
      const slow = Array.from({ length: 3 }).every(() => attempt(input) > 500);
      expect(slow).toBe(false);
    }),
    { numRuns: 1_500 },
  );
});
