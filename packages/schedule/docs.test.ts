import { readFile } from "node:fs/promises";
import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { scheduleInput } from "@belfry/contract/schedule-input.ts";
import { describe, expect, it } from "vitest";
import { assertHasFuture } from "./assert-has-future.ts";
import { withExamples } from "./docs-examples.ts";
import { ScheduleError } from "./errors.ts";
import { parseSchedule } from "./parse-schedule.ts";

const page = await readFile(new URL("../../docs/schedules.md", import.meta.url), "utf8");
const ANCHOR = Date.parse("2026-03-02T10:07:00Z");

/** The cells of every row of the tables whose first heading is this, without what encloses code. */
function rows(heading: string): string[][] {
  const tables = page.split(/\n\n/).filter((block) => new RegExp(`^\\| ${heading} +\\|`).test(block));
  return tables.flatMap((table) =>
    table
      .trim()
      .split("\n")
      .slice(2)
      .map((line) =>
        line
          .split("|")
          .map((cell) => cell.trim().replaceAll(/^`|`$/g, ""))
          .slice(1, -1),
      ),
  );
}

const input = (code: string): ScheduleInput => (/^[{[]/.test(code) ? JSON.parse(code) : code.replaceAll("\\n", "\n"));
const parse = (code: string) => parseSchedule(input(code), { timezone: "UTC", anchor: ANCHOR, seed: "a job" });

describe("docs/schedules.md", () => {
  it("has the examples as `npm run docs:schedules` writes them", () => {
    expect(withExamples(page)).toBe(page);
    expect(() => withExamples("# Schedules\n")).toThrow("examples:begin");
  });

  it("shows examples that can be copied", () => {
    expect(rows("written").length).toBeGreaterThan(70);
    for (const [code = ""] of rows("written")) parse(code);
  });

  it.each(rows("schedule"))("is right that one may write %s", (code) => {
    expect(scheduleInput.safeParse(input(code)).success).toBe(true);
    expect(assertHasFuture(parse(code), input(code), ANCHOR)).toBeGreaterThan(ANCHOR);
  });

  it.each(rows("refused"))("is right that %s is refused with %s", (code, errorCode, message) => {
    const refusal = () => {
      try {
        return parse(code);
      } catch (error) {
        if (error instanceof ScheduleError) return [error.code, error.message];
        throw error;
      }
    };
    expect(refusal()).toEqual([errorCode, message]);
  });

  it("has tables that are looked at", () => {
    expect(rows("schedule").length).toBeGreaterThan(50);
    expect(rows("refused").length).toBeGreaterThan(10);
  });
});
