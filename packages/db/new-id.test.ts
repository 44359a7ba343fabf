import { describe, expect, it } from "vitest";
import { newId } from "./new-id.ts";

describe("an id", () => {
  it("is greater than all that were made before it, however many are made in a millisecond", () => {
    const at = Date.UTC(2100, 0, 1);
    const ids = Array.from({ length: 10_000 }, () => newId(at));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is greater also after the clock was set back", () => {
    const before = newId(Date.UTC(2101, 0, 1));
    expect(newId(Date.UTC(2100, 0, 1)) > before).toBe(true);
  });

  it("is a UUIDv7 that carries the instant at which it was made", () => {
    const at = Date.UTC(2102, 5, 7, 8, 9, 10, 11);
    const id = newId(at);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(at);
  });
});
