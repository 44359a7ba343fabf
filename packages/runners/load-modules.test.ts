import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadModules } from "./load-modules.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "belfry-functions-"));
});
afterEach(() => rm(dir, { recursive: true }));

const importLine = `import { defineFunction } from ${JSON.stringify(import.meta.resolve("@belfry/functions/define-function.ts"))};`;
const defining = (name: string) =>
  `${importLine}\nexport default defineFunction({ name: "${name}", perform: () => "${name}" });\n`;
const write = (file: string, text: string) => writeFile(join(dir, file), text);

describe("a folder of functions", () => {
  it("gives each default export by its name", async () => {
    await write(
      "greet.ts",
      `${importLine}\nconst name: string = "greet";\nexport default defineFunction({ name, perform: () => 1 });`,
    );
    await write("sweep.mjs", defining("sweep"));
    await write("plain.js", defining("plain"));

    const modules = await loadModules(dir);

    expect([...modules.keys()].sort()).toEqual(["greet", "plain", "sweep"]);
    expect(modules.get("sweep")?.perform({} as never, {} as never)).toBe("sweep");
  });

  it("leaves out tests, declarations, hidden files, folders and other files", async () => {
    for (const file of ["a.test.ts", "a.test.mjs", "a.d.ts", ".a.ts", "notes.md", "a.json"])
      await write(file, "not a function (");
    await mkdir(join(dir, "lib.js"));

    expect(await loadModules(dir)).toEqual(new Map());
  });

  it("follows links, as in a folder mounted from a ConfigMap", async () => {
    await mkdir(join(dir, "..data"));
    await write("..data/linked.mjs", defining("linked"));
    await symlink(join("..data", "linked.mjs"), join(dir, "linked.mjs"));

    expect([...(await loadModules(dir)).keys()]).toEqual(["linked"]);
  });

  it("recognises what another copy of the package made", async () => {
    await write(
      "other.mjs",
      `export default { [Symbol.for("belfry.function")]: true, name: "other", description: "", check: null, perform() {}, timeoutMs: null };`,
    );

    expect([...(await loadModules(dir)).keys()]).toEqual(["other"]);
  });
});

describe("a folder that cannot be used", () => {
  it("is named if it does not exist", async () => {
    await expect(loadModules(join(dir, "nowhere"))).rejects.toThrow(/nowhere: there is no such folder/);
  });

  it("is named if it is a file", async () => {
    await write("file.txt", "");

    await expect(loadModules(join(dir, "file.txt"))).rejects.toThrow(/file\.txt: it is not a folder/);
  });

  it.each([
    ["throws", `throw new Error("no database");`, /bad\.mjs: cannot be imported: no database/],
    ["throws null", "throw null;", /bad\.mjs: cannot be imported: threw null/],
    ["has no default export", "export const x = 1;", /bad\.mjs: has no default export/],
    [
      "exports a bare function",
      "export default () => 1;",
      /bad\.mjs: its default export was not made by defineFunction/,
    ],
    ["exports null", "export default null;", /bad\.mjs: its default export was not made by defineFunction/],
    [
      "defines a function wrongly",
      `${importLine} defineFunction({ name: "x" });`,
      /bad\.mjs: .*perform: must be a function/,
    ],
    ["imports what is not there", `import "./gone.mjs";`, /bad\.mjs: cannot be imported: .*gone\.mjs/],
  ])("names a file that %s", async (_, text, message) => {
    await write("bad.mjs", text);

    await expect(loadModules(dir)).rejects.toThrow(message);
  });

  it("names both files of one name, and every other problem", async () => {
    await write("a.mjs", defining("same"));
    await write("b.mjs", defining("same"));
    await write("c.mjs", "export const x = 1;");

    await expect(loadModules(dir)).rejects.toThrow(
      /a\.mjs and b\.mjs: both define a function named "same"; c\.mjs: has no default export/,
    );
  });
});
