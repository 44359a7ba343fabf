/** Hosts run what was surveyed, whatever becomes of the files. */
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "@belfry/contract/json.ts";
import { type FunctionFolder, makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createHostPool, type HostPool } from "./host-pool.ts";
import { runHosted } from "./run-hosted.ts";
import { type SurveyedModule, surveyModules } from "./survey.ts";

let folder: FunctionFolder;
let pool: HostPool;
beforeEach(() => {
  folder = makeFunctionFolder();
  mkdirSync(join(folder.dir, "lib"));
  pool = createHostPool({ limit: 4, memoryMb: 64, onNotice: () => undefined });
});
afterEach(async () => {
  await pool.close();
  folder.close();
});

async function surveyed(name: string): Promise<SurveyedModule> {
  const { modules, problems } = await surveyModules(folder.dir);
  expect(problems).toEqual([]);
  return modules.get(name) as SurveyedModule;
}

async function run(module: SurveyedModule, payload: Json = null) {
  const scheduledFor = new Date();
  const { end, perform } = await runHosted(pool, module, {
    run: { jobId: "job", executionId: "execution", attempt: 1, scheduledFor, trigger: "manual", payload },
    checkTimeoutMs: 5000,
    performTimeoutMs: 5000,
    askAfter: Number.POSITIVE_INFINITY,
    mayPerform: async () => true,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return { end, output: perform?.output };
}

it("runs the surveyed text of a file and of all that it imports, also in a host that replaces one that ended", async () => {
  folder.write("lib/words.ts", `import more from "./more.cjs"; export const word: string = "good " + more;`);
  folder.write("lib/more.cjs", `module.exports = require("./most.cjs").join("") + require("./end.ts").end;`);
  folder.write("lib/end.ts", `export const end: string = "!";`);
  folder.write("lib/most.cjs", `module.exports = ["old ", "days"];`);
  folder.write("lib/count.json", "3");
  folder.write(
    "say.ts",
    `import count from "./lib/count.json" with { type: "json" };
import { word } from "./lib/words.ts";
export function handler(event: { phase: string; belfry: { payload: string } }) {
  if (event.belfry.payload === "exit" && event.phase === "perform") process.exit(1);
  return event.phase === "check" ? { shouldPerform: true } : word + count;
}`,
  );
  const module = await surveyed("say");
  const good = { end: "success", output: "good old days!3" };

  folder.write("say.ts", "throw new Error('half an edit');");
  expect(await run(module)).toEqual(good);
  rmSync(join(folder.dir, "lib"), { recursive: true });
  folder.remove("say.ts");
  expect((await run(module, "exit")).end).toBe("failed");
  expect(await run(module)).toEqual(good);
});

it("runs on when a ConfigMap's links have moved to another version", async () => {
  const version = (n: number) => {
    mkdirSync(join(folder.dir, `..${n}`));
    folder.define(`..${n}/linked.mjs`, `name: "linked", perform: () => ${n}`);
    symlinkSync(`..${n}`, join(folder.dir, "..new"));
    renameSync(join(folder.dir, "..new"), join(folder.dir, "..data"));
  };
  version(1);
  symlinkSync(join("..data", "linked.mjs"), join(folder.dir, "linked.mjs"));
  const first = await surveyed("linked");
  version(2);
  rmSync(join(folder.dir, "..1"), { recursive: true });

  expect(await run(first)).toEqual({ end: "success", output: 1 });
  expect(await run(await surveyed("linked"))).toEqual({ end: "success", output: 2 });
});

it("knows only a module's own files: neither those of others nor of packages", async () => {
  mkdirSync(join(folder.dir, "node_modules"));
  folder.write("node_modules/pack.mjs", "export default 1;");
  folder.write("lib/shared.ts", "export const a = 1;");
  folder.define(
    "one.ts",
    `name: "one", perform() {} }); import "./lib/shared.ts"; import "./node_modules/pack.mjs"; ({`,
  );
  folder.define("two.ts", `name: "two", perform() {} }); import "./lib/shared.ts"; ({`);
  const filesOf = (module: SurveyedModule) => Object.keys(module.code.files).map((url) => url.split("/").at(-1));

  expect(filesOf(await surveyed("one"))).toEqual(["one.ts", "shared.ts"]);
  expect(filesOf(await surveyed("two"))).toEqual(["two.ts", "shared.ts"]);
});

it("gives a folder that has no @belfry/functions the worker's own, and no other package", async () => {
  folder.write(
    "own.ts",
    `import { defineFunction } from "@belfry/functions";
import { serve } from "@belfry/functions/serve";
export default defineFunction({ name: "own", perform: () => typeof serve });`,
  );
  expect(await run(await surveyed("own"))).toEqual({ end: "success", output: "function" });

  folder.write("other.ts", `import "undici";`);
  expect((await surveyModules(folder.dir)).problems).toEqual([
    { file: "other.ts", message: expect.stringContaining("Cannot find package 'undici'") },
  ]);
});

it("prefers the @belfry/functions of the folder", async () => {
  mkdirSync(join(folder.dir, "node_modules/@belfry/functions"), { recursive: true });
  folder.write("node_modules/@belfry/functions/package.json", `{ "main": "main.cjs" }`);
  folder.write(
    "node_modules/@belfry/functions/main.cjs",
    `exports.defineFunction = (fn) => ({ [Symbol.for("belfry.function")]: true, check: null, timeoutMs: null, ...fn });
exports.whose = "the folder's";`,
  );
  folder.write(
    "own.mjs",
    `import { defineFunction, whose } from "@belfry/functions";
export default defineFunction({ name: "own", perform: () => whose });`,
  );
  expect(await run(await surveyed("own"))).toEqual({ end: "success", output: "the folder's" });
});
