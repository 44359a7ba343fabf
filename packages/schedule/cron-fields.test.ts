import { CronExpressionParser } from "cron-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextCivil } from "./civil.ts";
import { compileExpression, normaliseExpression } from "./cron-fields.ts";

const value = (min: number, max: number) => fc.integer({ min, max });
const field = (min: number, max: number, ...extra: string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    { weight: 2, arbitrary: value(min, max).map(String) },
    { weight: 1, arbitrary: value(1, max).map((step) => `*/${step}`) },
    {
      weight: 1,
      arbitrary: fc.uniqueArray(value(min, max), { minLength: 2, maxLength: 5 }).map((list) => list.join(",")),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(value(min, max), value(min, max), value(1, 9))
        .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step}`),
    },
    ...extra.map((text) => ({ weight: 1, arbitrary: fc.constant(text) })),
  );

describe("the search on civil time", () => {
  it("finds what cron-parser finds in UTC", () => {
    const expression = fc
      .tuple(
        field(0, 59),
        field(0, 59),
        field(0, 23),
        field(1, 28, "L", "15,L", "27-31/2"),
        field(1, 12, "JAN,JUL", "2"),
        field(0, 6, "7", "MON-FRI", "5L", "1#2", "SUN", "5-7", "6L,7L"),
      )
      .map((fields) => fields.join(" "));
    fc.assert(
      fc.property(expression, fc.integer({ min: 0, max: Date.UTC(2099, 0, 1) }), (text, start) => {
        const theirs = CronExpressionParser.parse(text, { tz: "UTC", currentDate: start });
        const pattern = compileExpression(normaliseExpression(text));
        let after = start;
        for (let i = 0; i < 8; i++) {
          const next = nextCivil(pattern, after + 1, after + 50 * 366 * 86_400_000);
          expect(next).toBe(theirs.next().getTime());
          after = next ?? Infinity;
        }
      }),
      { numRuns: 300 },
    );
  });

  it("finds 29 February on a Sunday, and across the year 2100", () => {
    const pattern = compileExpression("0 0 * 2 0#5");
    expect(nextCivil(pattern, Date.UTC(2061, 0, 1), Date.UTC(2140, 0, 1))).toBe(Date.UTC(2088, 1, 29));
    expect(nextCivil(pattern, Date.UTC(2089, 0, 1), Date.UTC(2140, 0, 1))).toBe(Date.UTC(2128, 1, 29));
  });
});

describe("normaliseExpression", () => {
  it("refuses a step that is longer than its field, which what is stored may have", () => {
    expect(() => normaliseExpression("*/90 * * * *")).toThrow(
      'schedule "*/90 * * * *": minute must have a step of at most 60',
    );
    expect(() => normaliseExpression("0 */25 * * *")).toThrow("hour must have a step of at most 24");
    expect(() => normaliseExpression("*/60 */24 */31 */12 */7")).not.toThrow();
    expect(() => compileExpression("*/90 * * * *")).not.toThrow();
  });

  it.each([
    ["0 9 * * *", "0 9 * * *"],
    ["  0\t9   * *  * ", "0 9 * * *"],
    ["0 0 ? * mon-Fri", "0 0 * * MON-FRI"],
    ["0 0 l * *", "0 0 L * *"],
    ["*/10 * * * * *", "*/10 * * * * *"],
  ])("%j is %j", (text, normal) => {
    expect(normaliseExpression(text)).toBe(normal);
  });
});
