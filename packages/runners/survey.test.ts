import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type FunctionFolder, makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { surveyModules } from "./survey.ts";

let folder: FunctionFolder;
beforeEach(() => {
  folder = makeFunctionFolder();
});
afterEach(() => folder.close());

const survey = async () => {
  const { modules, problems } = await surveyModules(folder.dir, { importMs: 2000 });
  return { names: [...modules.keys()].sort(), modules, problems };
};

describe("a folder of functions", () => {
  it("gives what each file defines, by its function's name", async () => {
    folder.define("greet.ts", `name: "greet" as string, description: "Greets", perform: () => 1, timeoutMs: 5`);
    folder.define(
      "sweep.mjs",
      `name: "sweep", check: () => 1, rollback() {}, teardown() {}, enabled: false, perform() {}`,
    );

    const { names, modules, problems } = await survey();

    expect(names).toEqual(["greet", "sweep"]);
    expect(problems).toEqual([]);
    expect(modules.get("greet")).toEqual({
      ...{ name: "greet", description: "Greets", enabled: true, timeoutMs: 5, inputSchema: null },
      ...{ check: false, rollback: false, teardown: false },
      ...{ file: "greet.ts", path: join(folder.dir, "greet.ts"), code: expect.anything(), outdated: false },
    });
    expect(modules.get("sweep")).toMatchObject({ check: true, rollback: true, teardown: true, enabled: false });
  });

  it("takes a handler for both phases, named as its file", async () => {
    folder.write("backup-files.js", "export async function handler(event) { return event; }");

    const { modules } = await survey();
    expect(modules.get("backup-files")).toMatchObject({ check: true, rollback: false });
  });

  it("gives the JSON schema of an input that has one", async () => {
    const jsonSchema = "{ input: ({ target }) => ({ $comment: target, type: 'object' }) }";
    const input = (more: string) =>
      `input: { "~standard": { version: 1, vendor: "x", validate: (value) => ({ value }), ${more} } }`;
    folder.define("with.js", `name: "with", perform() {}, ${input(`jsonSchema: ${jsonSchema}`)}`);
    folder.define("without.js", `name: "without", perform() {}, ${input("")}`);
    folder.define(
      "cannot.js",
      `name: "cannot", perform() {}, ${input("jsonSchema: { input() { throw new Error('a date') } }")}`,
    );

    const { modules } = await survey();
    expect(modules.get("with")?.inputSchema).toEqual({ $comment: "draft-2020-12", type: "object" });
    expect([modules.get("without")?.inputSchema, modules.get("cannot")?.inputSchema]).toEqual([null, null]);
  });

  it("leaves out tests, declarations, hidden files, folders and other files", async () => {
    for (const file of ["a.test.ts", "a.test.mjs", "a.d.ts", ".a.ts", "notes.md", "a.json"])
      folder.write(file, "not a function (");
    mkdirSync(join(folder.dir, "lib.js"));

    expect(await survey()).toMatchObject({ names: [], problems: [] });
  });

  it("follows links, as in a folder mounted from a ConfigMap", async () => {
    mkdirSync(join(folder.dir, "..data"));
    folder.define("..data/linked.mjs", `name: "linked", perform() {}`);
    symlinkSync(join("..data", "linked.mjs"), join(folder.dir, "linked.mjs"));

    expect((await survey()).names).toEqual(["linked"]);
  });

  it("recognises what another copy of the package made", async () => {
    folder.write(
      "other.mjs",
      `export default { [Symbol.for("belfry.function")]: true, name: "other", description: "", check: null, perform() {}, timeoutMs: null };`,
    );

    expect((await survey()).modules.get("other")).toMatchObject({ enabled: true, teardown: false });
  });
});

describe("a folder that cannot be read", () => {
  it("is named", async () => {
    await expect(surveyModules(join(folder.dir, "nowhere"))).rejects.toThrow(/nowhere: there is no such folder/);
    folder.write("file.txt", "");
    await expect(surveyModules(join(folder.dir, "file.txt"))).rejects.toThrow(/file\.txt: it is not a folder/);
  });
});

describe("a file that cannot be used", () => {
  it.each([
    ["throws", `throw new Error("no database");`, /^cannot be imported: no database/],
    ["throws null", "throw null;", /^cannot be imported: threw null/],
    ["exports nothing", "export const x = 1;", /^has no default export, nor one named "handler"/],
    ["exports a bare function", "export default () => 1;", /^its default export was not made by defineFunction/],
    ["exports null", "export default null;", /^its default export was not made by defineFunction/],
    ["imports what is not there", `import "./gone.mjs";`, /^cannot be imported: .*gone\.mjs/],
    ["never resolves", "await new Promise(() => undefined);", /^was not imported within 2000 ms/],
    ["loops", "for (;;);", /^was not imported within 2000 ms/],
    ["exits", "process.exit(7);", /^ended the process that imported it \(exit code 7\)/],
    ["kills itself", "process.kill(process.pid, 'SIGKILL');", /^ended the process that imported it \(SIGKILL\)/],
    ["closes the channel", "process.disconnect(); setInterval(() => {}, 1000);", /^(ended|was not)/],
  ])("keeps no other from being used, if it %s", async (_, text, message) => {
    folder.define("a.mjs", `name: "a", perform() {}`);
    folder.write("bad.mjs", text);
    folder.define("c.mjs", `name: "c", perform() {}`);

    const { names, problems } = await survey();

    expect(names).toEqual(["a", "c"]);
    expect(problems).toEqual([{ file: "bad.mjs", message: expect.stringMatching(message) }]);
  });

  it("says what its definition lacks", async () => {
    folder.define("bad.ts", `name: "x"`);
    expect((await survey()).problems).toEqual([
      { file: "bad.ts", message: expect.stringMatching(/perform: must be a function/) },
    ]);
  });

  it("is each of two that define one function: nobody knows which is meant", async () => {
    folder.define("a.mjs", `name: "same", perform() {}`);
    folder.define("b.mjs", `name: "same", perform() {}`);

    const message = 'a.mjs and b.mjs: both define a function named "same"';
    expect(await survey()).toMatchObject({
      names: [],
      problems: [
        { file: "a.mjs", message },
        { file: "b.mjs", message },
      ],
    });
  });
});
