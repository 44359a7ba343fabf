import { createLogger } from "@belfry/service/logger.ts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { signingSecrets } from "./signing-secrets.ts";

const lines: string[] = [];
const log = createLogger("test", "warn", { write: (line: string) => void lines.push(line) });
beforeEach(() => {
  lines.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

it("are those of the claim for a moment, and then what is valid by then", async () => {
  const answers = [["second", "first"], ["third"]];
  let asked = 0;
  const secrets = signingSecrets(["first"], async () => answers[asked++] as string[], log);
  vi.advanceTimersByTime(3_999);
  expect([await secrets(), asked]).toEqual([["first"], 0]);
  vi.advanceTimersByTime(1);
  expect([await secrets(), await secrets(), asked]).toEqual([["second", "first"], ["second", "first"], 1]);
  vi.advanceTimersByTime(5_000);
  expect(await secrets()).toEqual(["third"]);
});

it("stay what they were while Postgres does not answer, which is logged, and are asked for again", async () => {
  let answers = false;
  const read = async () => {
    if (!answers) throw new Error("no Postgres");
    return ["second"];
  };
  const secrets = signingSecrets(["first"], read, log);
  vi.advanceTimersByTime(5_000);
  expect(await secrets()).toEqual(["first"]);
  expect(lines.join()).toContain("no Postgres");
  answers = true;
  expect(await secrets()).toEqual(["second"]);
});
