import { describe, expect, it } from "vitest";
import { parseCron } from "./cron.ts";

const expression = (text: string, seed: string) => parseCron(text, "UTC", { seed }).expression;
const seeds = Array.from({ length: 2_000 }, (_, index) => `0199f3a2-0000-7000-8000-${String(index).padStart(12, "0")}`);

/** The values that a field gets for all the seeds, each once, in order. */
function drawn(text: string, field: number): number[] {
  const values = seeds.map((seed) => Number(expression(text, seed).split(" ")[field]));
  return [...new Set(values)].sort((a, b) => a - b);
}

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("H", () => {
  it("is a number from then on, and always the same one for a job", () => {
    expect(expression("H H * * *", "job 1")).toBe("46 23 * * *");
    expect(expression("H H * * *", "job 2")).toBe("28 4 * * *");
    expect(expression("h h(0-7) * * h", "job 1")).toBe(expression("H H(0-7) * * H", "job 1"));
  });

  it("is any value of its field, but none of the days that some months lack", () => {
    expect(drawn("H H H H H", 0)).toEqual(from(0, 59));
    expect(drawn("H H H H H", 1)).toEqual(from(0, 23));
    expect(drawn("H H H H H", 2)).toEqual(from(1, 28));
    expect(drawn("H H H H H", 3)).toEqual(from(1, 12));
    expect(drawn("H H H H H", 4)).toEqual(from(0, 6));
    expect(drawn("H 0 9 * * *", 0)).toEqual(from(0, 59));
  });

  it("may be bounded", () => {
    expect(drawn("H(10-19) * * * *", 0)).toEqual(from(10, 19));
    expect(drawn("0 0 H(29-31) * *", 2)).toEqual([29, 30, 31]);
    expect(drawn("0 H(3-3) * * *", 1)).toEqual([3]);
  });

  it("with a step is a first value and every so many after it", () => {
    expect(expression("H/15 * * * *", "job 1")).toBe("1-59/15 * * * *");
    expect(expression("H(0-29)/10 * * * *", "job 1")).toMatch(/^[0-9]-29\/10 /);
    expect(expression("0 H(9-17)/20 * * *", "job 1")).toMatch(/^0 (9|1[0-7]) \* \* \*$/);
    const firsts = new Set(seeds.map((seed) => expression("H/15 * * * *", seed)));
    expect([...firsts].sort()).toEqual(
      from(0, 14)
        .map((minute) => `${minute}-59/15 * * * *`)
        .sort(),
    );
  });

  it("in a list drops what is there already, so that no job is refused for what it draws", () => {
    for (const seed of seeds) expect(expression("0-57,H * * * *", seed)).toMatch(/^0-57(,5[89])? /);
    expect(expression("H(0-29),H(30-59) * * * *", "job 1")).toMatch(/^\d+,\d+ /);
  });

  it("is spread evenly", () => {
    const counts = from(0, 59).map(() => 0);
    for (const seed of seeds) {
      const minute = Number(expression("H * * * *", seed).split(" ")[0]);
      counts[minute] = (counts[minute] ?? 0) + 1;
    }
    // 33 each; six standard deviations of 5.7 to either side.
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThan(68);
  });

  it.each([
    ["H * * * *", "minute has H, a value that follows from the job's id: only a job can have it"],
    ["0 0-5,H * * *", "hour has H, a value that follows from the job's id: only a job can have it"],
    ["0 0 * * H/2", "day of week has H, a value that follows from the job's id: only a job can have it"],
  ])("%s is refused without a job", (text, why) => {
    expect(() => parseCron(text, "UTC")).toThrow(`schedule "${text}": ${why}`);
  });

  it.each([
    ["H(0-60) * * * *", "minute must be 0-59; H, H(0-59), H/2 or H(1-4)/2 spread it"],
    ["H-5 * * * *", "minute must be 0-59; H, H(0-59), H/2 or H(1-4)/2 spread it"],
    ["5-H * * * *", "minute must be 0-59; H, H(0-59), H/2 or H(1-4)/2 spread it"],
    ["0 H(9-5) * * *", "hour must be 0-23; H, H(0-23), H/2 or H(1-4)/2 spread it"],
    ["H/0 * * * *", "minute must have a step of at least 1"],
    ["HH * * * *", "minute must be 0-59; H, H(0-59), H/2 or H(1-4)/2 spread it"],
  ])("%s is refused", (text, why) => {
    expect(() => expression(text, "job 1")).toThrow(`schedule "${text}": ${why}`);
  });
});
