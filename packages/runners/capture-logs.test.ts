import { isStorableText } from "@belfry/contract/json.ts";
import { expect, it } from "vitest";
import { captureLogs } from "./capture-logs.ts";

const bytesOf = (lines: string[]) => lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);

it("keeps each line with its level", () => {
  const { logger, lines } = captureLogs();
  logger.debug("a");
  logger.info("sent", 3, "mails");
  logger.warn();
  logger.error("no");

  expect(lines()).toEqual(["debug a", "info sent 3 mails", "warn", "error no"]);
});

it("writes data as JSON, and what JSON cannot say as Node prints it", () => {
  const { logger, lines } = captureLogs();
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  logger.info({ a: [1, "x"] }, new Date(0), undefined, null, Number.NaN, 1n, Symbol("s"), new Map([[1, 2]]), cycle);

  expect(lines()).toEqual([
    'info {"a":[1,"x"]} "1970-01-01T00:00:00.000Z" undefined null NaN 1n Symbol(s) Map(1) { 1 => 2 } <ref *1> { self: [Circular *1] }',
  ]);
});

it("writes an error with its stack", () => {
  const { logger, lines } = captureLogs();
  logger.error("failed:", new RangeError("boom"));

  expect(lines()[0]).toMatch(/^error failed: RangeError: boom\n {4}at /);
});

it("does not throw for an argument that cannot be printed", () => {
  const { logger, lines } = captureLogs();
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  logger.info(proxy);
  logger.info({
    toJSON: () => {
      throw null;
    },
  });

  expect(lines()).toHaveLength(2);
});

it("replaces what Postgres cannot store", () => {
  const { logger, lines } = captureLogs();
  logger.info("a\u0000b\ud800", { "\udc00": "\u0000" });

  expect(lines().every(isStorableText)).toBe(true);
  expect(lines()[0]).toContain("info a\ufffdb\ufffd");
});

it("keeps at most 1,000 lines and says how many it cut", () => {
  const { logger, lines } = captureLogs();
  for (let line = 1; line <= 1500; line++) logger.info("x");

  expect(lines()).toHaveLength(1000);
  expect(lines().at(-1)).toBe("warn [log cut: 501 lines, 3006 bytes]");
});

it("keeps at most 64 KB, of a single line too", () => {
  const { logger, lines } = captureLogs();
  logger.info("é".repeat(100_000));
  logger.info("later");

  expect(lines()).toEqual([expect.stringMatching(/^info é+$/), expect.stringMatching(/log cut: 2 lines, \d+ bytes/)]);
  expect(bytesOf(lines())).toBeLessThanOrEqual(64 * 1024);
  expect(bytesOf(lines())).toBeGreaterThan(63 * 1024);
});
