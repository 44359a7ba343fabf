import { describe, expect, it } from "vitest";
import { keyOf } from "./credentials.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("keyOf", () => {
  it.each([
    ["Bearer abc", "abc"],
    ["bearer   abc", "abc"],
    ["Bearer a b", "a b"],
    ["Bearer", null],
    ["abc", null],
    [undefined, null],
    [`Basic ${base64("me:abc")}`, null],
  ])("of %j is %j", (header, key) => {
    expect(keyOf(header, { basic: false })).toBe(key);
  });

  it.each([
    [`Basic ${base64("me:abc")}`, "abc"],
    [`Basic ${base64(":a:b")}`, "a:b"],
    [`Basic ${base64("abc")}`, null],
    [`Basic ${base64("me:")}`, null],
    ["Basic !!!", null],
    ["Bearer abc", "abc"],
  ])("of %j is %j where Basic is taken too", (header, key) => {
    expect(keyOf(header, { basic: true })).toBe(key);
  });
});
