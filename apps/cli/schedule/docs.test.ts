import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const page = await readFile(new URL("../../../docs/schedules.md", import.meta.url), "utf8");
const main = fileURLToPath(new URL("../main.ts", import.meta.url));

const consoles = [...page.matchAll(/```console\n\$ npm run -s belfry -- (.*)\n([^`]*)```/g)].map(
  ([, command = "", output = ""]) => [command, output] as const,
);

it.each(consoles)("docs/schedules.md is right about %s", async (command, output) => {
  const { stdout } = await promisify(execFile)("sh", ["-c", `"$0" "$1" ${command}`, process.execPath, main]);
  expect(stdout).toBe(output);
});

it("docs/schedules.md shows nothing else that was run", () => {
  expect(consoles).toHaveLength(page.match(/```console/g)?.length ?? 0);
  expect(consoles).toHaveLength(4);
});
