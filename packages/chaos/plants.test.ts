import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { OWN_SOURCES } from "./cluster.ts";
import { copySources, plantIn } from "./plant-copy.ts";
import { PLANTS } from "./plants.ts";

const folder = mkdtempSync(join(tmpdir(), "belfry-plants-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a planted bug", () => {
  it.each(PLANTS.map((plant) => [plant.name, plant] as const))("%s fits the sources as they are", (name, plant) => {
    const copy = join(folder, name);
    copySources(OWN_SOURCES, copy);
    plantIn(copy, plant.changes);
    for (const { file, replace } of plant.changes) {
      expect(readFileSync(join(copy, file), "utf8")).toContain(replace);
      expect(readFileSync(join(OWN_SOURCES, file), "utf8")).not.toBe(readFileSync(join(copy, file), "utf8"));
    }
  });

  it("is refused where its text has moved or is there twice", () => {
    const copy = join(folder, "moved");
    copySources(OWN_SOURCES, copy);
    const change = { file: "packages/db/client.ts", replace: "" };
    expect(() => plantIn(copy, [{ ...change, find: "no such line" }])).toThrow("0 times");
    expect(() => plantIn(copy, [{ ...change, find: "deadlineMs" }])).toThrow("not once");
  });

  it("has a name of its own", () => {
    expect(new Set(PLANTS.map(({ name }) => name)).size).toBe(PLANTS.length);
  });
});
