import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { schedulePreview } from "@belfry/contract/schedule-preview.ts";
import { describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** The real process, which knows no database. */
async function belfry(...args: string[]): Promise<{ code: number; output: string; errors: string }> {
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [main, "schedule", ...args], { env });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const [code] = await once(child, "close");
  return { code, output, errors };
}

const FROM = ["--from", "2026-03-06T10:07:00Z"];
const NEW_YORK = ["--timezone", "America/New_York"];

describe("belfry schedule next", () => {
  it("prints local time, UTC and what there is to note", async () => {
    const { code, output, errors } = await belfry("next", "30 2 * * *", ...NEW_YORK, ...FROM, "--count", "3");
    expect([code, errors]).toEqual([0, ""]);
    expect(output).toBe(
      [
        "LOCAL (America/New_York)        UTC                   NOTES",
        "Sat 2026-03-07 02:30:00 -05:00  2026-03-07T07:30:00Z",
        "Sun 2026-03-08 03:00:00 -04:00  2026-03-08T07:00:00Z  local time 02:30 does not exist that day; runs at 03:00 after the clocks go forward",
        "Mon 2026-03-09 02:30:00 -04:00  2026-03-09T06:30:00Z",
        "",
      ].join("\n"),
    );
  });

  it("takes a schedule as JSON, a rule for changes of clocks, an end and calendars", async () => {
    const schedule = JSON.stringify({ type: "daily", time: "02:30", calendars: { exclude: ["holidays"] } });
    const options = ["--dst", "skip,first", "--to", "2026-03-11T00:00:00Z", "--calendar", "holidays=2026-03-09"];
    const { code, output } = await belfry("next", schedule, ...NEW_YORK, ...FROM, ...options);
    expect(code).toBe(0);
    expect(output.split("\n").map((line) => line.slice(4, 14))).toEqual(["L (America", "2026-03-07", "2026-03-10", ""]);
  });

  it("begins now, and prints ten of them", async () => {
    const { output } = await belfry("next", "@every 1h");
    expect(output.trim().split("\n")).toHaveLength(11);
    const first = Date.parse(/\d{4}-\d\d-\d\dT\S+Z/.exec(output)?.[0] ?? "");
    expect(Math.abs(first - Date.now() - 3_600_000)).toBeLessThan(60_000);
  });

  it("prints what the API answers", async () => {
    const { code, output, errors } = await belfry("next", "H 9 * * *", ...FROM, "--count", "2", "--json");
    expect([code, errors]).toEqual([0, ""]);
    const preview = schedulePreview.parse(JSON.parse(output));
    expect(preview).toMatchObject({
      timezone: "UTC",
      occurrences: { length: 2 },
      notes: [expect.stringMatching(/^each job/)],
    });
  });

  it("shows H as the job has it that is named, and says if none is", async () => {
    const job = "01980000-0000-7000-8000-000000000001";
    const [anonymous, named, other] = await Promise.all([
      belfry("next", "H H * * *", ...FROM, "--count", "1"),
      belfry("next", "H H * * *", ...FROM, "--count", "1", "--job", job),
      belfry("next", "H H * * *", ...FROM, "--count", "1", "--job", job.replace(/1$/, "2")),
    ]);
    expect(anonymous.errors).toMatch(/^belfry schedule next: note: each job has values of its own for H/);
    expect(named.errors).toBe("");
    expect(named.output).not.toBe(other.output);
  });

  it("says so when there is none", async () => {
    const { code, output } = await belfry("next", "@daily", ...FROM, "--to", "2026-03-06T10:08:00Z");
    expect([code, output]).toEqual([0, "no occurrence\n"]);
  });
});

describe("belfry schedule explain", () => {
  it("says in words what a schedule means, when it runs, and what it leaves out and why", async () => {
    const schedule = { type: "daily", time: "09:00", weekdays: ["mon", "tue"], exclude_dates: ["2026-03-09"] };
    const { code, output } = await belfry("explain", JSON.stringify(schedule), ...FROM, "--count", "1");
    expect(code).toBe(0);
    expect(output).toBe(
      [
        "At 09:00, every day, UTC, except on 9 March 2026, only Monday and Tuesday",
        "",
        "LOCAL (UTC)                     UTC                   NOTES",
        "Tue 2026-03-10 09:00:00 +00:00  2026-03-10T09:00:00Z",
        "",
        "LEFT OUT                        UTC                   COUNT  WHY",
        "Sat 2026-03-07 09:00:00 +00:00  2026-03-07T09:00:00Z  1      2026-03-07 is a Saturday",
        "Sun 2026-03-08 09:00:00 +00:00  2026-03-08T09:00:00Z  1      2026-03-08 is a Sunday",
        "Mon 2026-03-09 09:00:00 +00:00  2026-03-09T09:00:00Z  1      2026-03-09 is excluded",
        "",
      ].join("\n"),
    );
  });

  it("says what runs after an outage, under the policy that is given", async () => {
    const down = ["--down", "2026-03-02T02:00:00Z..2026-03-02T05:00:00Z"];
    const [once, all] = await Promise.all([
      belfry("explain", "30 * * * *", ...down, "--count", "1"),
      belfry("explain", "30 * * * *", ...down, "--count", "1", "--misfire", '{"policy":"run_all","max_runs":2}'),
    ]);
    expect(once.output.split("\n").slice(5)).toEqual([
      "DUE IN THE OUTAGE (UTC)  COUNT  WHAT BECOMES OF IT",
      "2026-03-02T02:30:00Z     1      is skipped (misfire)",
      "2026-03-02T03:30:00Z     1      is skipped (misfire)",
      "2026-03-02T04:30:00Z     1      runs late",
      "When the scheduler is back at 2026-03-02T05:00:00Z, 1 occurrence runs late and 2 occurrences are skipped (misfire); the next one is at 2026-03-02T05:30:00Z",
      "",
    ]);
    expect(all.output).toContain("2 occurrences run late and 1 occurrence is skipped (misfire)");
  });
});

describe("one line says why not", () => {
  it.each<[code: number, args: string[], line: string | RegExp]>([
    [1, ["99 * * * *"], 'belfry schedule next: schedule "99 * * * *": minute must be 0-59\n'],
    [1, ["* * * *"], /^belfry schedule next: schedule "\* \* \* \*" must contain 5 fields .*\n$/],
    [1, ["2001-01-01T00:00:00Z"], /^belfry schedule next: schedule .* is over: .*\n$/],
    [1, ['{"type":"weekly"'], /^belfry schedule next: schedule is not valid JSON: .*\n$/],
    [1, ["[1]"], "belfry schedule next: schedule must be a string or an object\n"],
    [
      1,
      ['{"type":"weekly","days":["mooday"],"time":"9:00"}'],
      /^belfry schedule next: schedule\.days\[0\] "mooday" .*\n$/,
    ],
    [2, [], "error: missing required argument 'schedule'\n"],
    [2, ["@daily", "--nope"], "error: unknown option '--nope'\n"],
    [2, ["0", "9", "*", "*", "*"], /^error: too many arguments .*\n$/],
    [2, ["@daily", "--count", "0"], "belfry schedule next: --count must be a whole number from 1 to 1000\n"],
    [2, ["@daily", "--timezone", "Mars"], 'belfry schedule next: unknown time zone "Mars"\n'],
    [2, ["@daily", "--from", "now"], /^belfry schedule next: --from must be an ISO 8601 instant .*\n$/],
    [2, ["@daily", "--to", "2001-01-01T00:00:00Z", ...FROM], "belfry schedule next: --to must not be before from\n"],
    [2, ["@daily", "--dst", "skip"], /^belfry schedule next: --dst must be .*\n$/],
    [2, ["@daily", "--job", "7"], /^belfry schedule next: --job .*\n$/],
    [2, ["@daily", "--calendar", "holidays"], /^belfry schedule next: --calendar must be .*\n$/],
  ])("with exit code %i for %j", async (code, args, line) => {
    const { code: exitCode, output, errors } = await belfry("next", ...args);
    expect(errors).toEqual(typeof line === "string" ? line : expect.stringMatching(line));
    expect([exitCode, output]).toEqual([code, ""]);
  });

  it.each([
    [["--misfire", "skip"], "belfry schedule explain: --misfire is about an outage: it needs --down\n"],
    [["--down", "noon"], /^belfry schedule explain: --down must be two instants, .*\n$/],
    [["--down", "noon..one"], /^belfry schedule explain: --down: from must be an ISO 8601 instant .*\n$/],
    [
      ["--down", "2026-03-02T02:00:00Z..2026-03-02T05:00:00Z", "--misfire", "never"],
      /^belfry schedule explain: --misfire must be skip, run_once, run_all, .*\n$/,
    ],
  ])("about an outage: %j", async (args, line) => {
    const { code, errors } = await belfry("explain", "@daily", ...args);
    expect([code, errors]).toEqual([2, typeof line === "string" ? line : expect.stringMatching(line)]);
  });
});
