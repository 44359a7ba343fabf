/** The declarations for editors, tried by the compiler that an editor would ask. */
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const tsc = join(fileURLToPath(new URL("../../node_modules/.bin", import.meta.url)), "tsc");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "belfry-types-"));
  await copyFile(new URL("./sandbox.d.ts", import.meta.url), join(folder, "sandbox.d.ts"));
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    types: [],
    module: "esnext",
    moduleResolution: "bundler",
    strict: true,
    noEmit: true,
  };
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["sandbox.d.ts", "function.ts"] }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

/** The compiler's complaints about a source, without their places. */
async function complaints(source: string): Promise<string[]> {
  await writeFile(join(folder, "function.ts"), source);
  const output = await new Promise<string>((resolve) => execFile(tsc, ["-p", folder], (_, stdout) => resolve(stdout)));
  return [...output.matchAll(/error TS\d+: (.*)/g)].map(([, message]) => message as string);
}

it("types the events and the context, and what check hands to perform", async () => {
  const source = `
    import { defineFunction, PermanentError } from "@belfry/functions";
    export default defineFunction({
      async check(event, context) {
        const response = await fetch("https://api.example.com/", { headers: { authorization: btoa("a:b") } });
        if (response.status === 404) throw new PermanentError("gone");
        context.logger.info(event.belfry.attempt, context.scheduledFor.getTime(), crypto.randomUUID());
        return { shouldPerform: response.ok, performPayload: { total: 7 } };
      },
      perform: (event) => event.total.toFixed(2) + event.automation_job + new TextDecoder().decode(new TextEncoder().encode("a")),
    });`;
  expect(await complaints(source)).toEqual([]);
});

it("knows nothing that there is not", async () => {
  for (const name of ["process", "require", "setTimeout", "URL", "Buffer", "structuredClone", "performance"]) {
    expect((await complaints(`export const perform = () => ${name};`)).join()).toContain(`Cannot find name '${name}'`);
  }
  expect(await complaints('import fs from "node:fs"; export const perform = () => fs;')).toHaveLength(1);
  expect(
    await complaints(
      'import { defineFunction } from "@belfry/functions"; export default defineFunction({ check: () => 7, perform() {} });',
    ),
  ).not.toEqual([]);
}, 60_000);
