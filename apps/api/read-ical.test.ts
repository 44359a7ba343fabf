import type { ApiError } from "@belfry/contract/errors.ts";
import { describe, expect, it } from "vitest";
import { readIcal } from "./read-ical.ts";

const OPTIONS = { timezone: "UTC", now: Date.UTC(2026, 5, 1) };

const event = (...lines: string[]) => ["BEGIN:VEVENT", ...lines, "END:VEVENT", ""].join("\r\n");
const file = (body: string) => `BEGIN:VCALENDAR\r\n${body}END:VCALENDAR\r\n`;
const many = (count: number, part: (i: number) => string) => Array.from({ length: count }, (_, i) => part(i)).join("");

/** Longest silence of this process' own event loop meanwhile, in ms. */
async function longestPause(work: Promise<unknown>): Promise<number> {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await work.finally(() => clearInterval(timer));
  return longest;
}

describe("reading a file in a thread", () => {
  it("gives its dates, or the reason why not", async () => {
    const text = file(event("DTSTART;VALUE=DATE:20261225"));
    expect(await readIcal(text, OPTIONS)).toEqual({ dates: ["2026-12-25"], events: 1 });
    const refused = { code: "VALIDATION_ERROR", message: expect.stringMatching(/^the file: is no iCalendar file/) };
    await expect(readIcal("hello", OPTIONS)).rejects.toMatchObject(refused);
  });

  it.each<[what: string, text: string, refused?: false]>([
    ["a day that never comes", file(event("DTSTART:20200101T000000Z", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"))],
    [
      "a second that never comes",
      file(event("DTSTART:20200101T000000Z", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")),
    ],
    ["thousands of rules", file(many(9_000, () => event("DTSTART;VALUE=DATE:20200101", "RRULE:FREQ=DAILY")))],
    ["thousands of long events", file(many(9_000, () => event("DTSTART;VALUE=DATE:20200101", "DURATION:P3900D")))],
    ["a hundred thousand parameters", file(event(`DTSTART${';X="a"'.repeat(150_000)}:20261225`)), false],
    ["brackets of components", `BEGIN:VCALENDAR\r\n${"BEGIN:X\r\n".repeat(50_000)}${"END:X\r\n".repeat(50_000)}`],
  ])("ends within its deadline for %s, and holds up nobody", async (_, text, refused) => {
    const begun = performance.now();
    const reading = readIcal(text, OPTIONS).then(
      () => undefined,
      (error: ApiError) => error.code,
    );
    expect(await longestPause(reading)).toBeLessThan(1_000);
    if (refused !== false) expect(await reading).toBe("VALIDATION_ERROR");
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it("lets so many wait and no more", async () => {
    const text = file(event("DTSTART;VALUE=DATE:20261225"));
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => readIcal(text, OPTIONS)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(22);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason.code);
    expect(new Set(refused)).toEqual(new Set(["UNAVAILABLE"]));
    expect(await readIcal(text, OPTIONS)).toMatchObject({ events: 1 });
  });
});
