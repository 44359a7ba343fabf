import { afterAll, beforeAll, expect, it } from "vitest";
import { RETRY_AFTER_MAX_MS, readRetryAfter } from "./retry-after.ts";

// HTTP dates are in UTC, wherever the worker is.
const { TZ } = process.env;
beforeAll(() => {
  process.env.TZ = "Asia/Tokyo";
});
afterAll(() => {
  process.env.TZ = TZ ?? "UTC";
});

const now = new Date("1994-11-06T08:49:07.500Z");

it.each([
  // seconds
  ["0", 0],
  ["120", 120_000],
  [" 7 ", 7_000],
  ["86400", RETRY_AFTER_MAX_MS],
  ["86401", RETRY_AFTER_MAX_MS],
  ["9".repeat(400), RETRY_AFTER_MAX_MS],
  // the three forms of an HTTP date
  ["Sun, 06 Nov 1994 08:49:37 GMT", 29_500],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 29_500],
  ["Sun Nov  6 08:49:37 1994", 29_500],
  ["Fri, 31 Dec 1999 23:59:59 GMT", RETRY_AFTER_MAX_MS],
])("reads %o", (header, ms) => {
  expect(readRetryAfter(header, now)).toBe(ms);
});

it.each([
  [undefined],
  [""],
  ["-5"],
  ["1.5"],
  ["1e3"],
  ["0x10"],
  ["soon"],
  ["5 minutes"],
  ["1994-11-06T08:49:37Z"],
  ["Sun, 06 Nov 1994 08:49:37"],
  ["Sun, 06 Nov 1994 99:49:37 GMT"],
  ["Sun, 06 Nov 1994 08:49:07 GMT"],
  [["5", "10"]],
])("makes nothing of %o", (header) => {
  expect(readRetryAfter(header, now)).toBeNull();
});
