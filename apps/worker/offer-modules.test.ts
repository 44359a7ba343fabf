import { type FunctionFolder, makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { offerModules } from "./offer-modules.ts";

let folder: FunctionFolder;
beforeEach(() => {
  folder = makeFunctionFolder();
});
afterEach(() => folder.close());

it("offers what a folder defines, and nothing without a folder", async () => {
  folder.define("greet.ts", `name: "greet", description: "Greets", enabled: false, perform() {}`);
  const { record } = await offerModules(folder.dir);
  expect(record()).toEqual({
    modules: ["greet"],
    offers: [{ name: "greet", description: "Greets", enabled: false, since: expect.any(String) }],
    problems: [],
  });
  expect((await offerModules(null)).record()).toEqual({ modules: [], offers: [], problems: [] });
});

it("gives back what is not to be used any more, and keeps since when the others are offered", async () => {
  folder.define("a.ts", `name: "a", perform() {}`);
  folder.define("b.ts", `name: "b", perform() {}`);
  const { modules, record, update } = await offerModules(folder.dir);
  const [first] = record().offers;
  const [a, b] = modules.values();
  folder.remove("b.ts");
  folder.define("c.ts", `name: "c", perform() {}`);

  expect(await update()).toEqual([b]);
  expect([...modules.keys()]).toEqual(["a", "c"]);
  expect(modules.get("a")).toBe(a);
  expect(record().offers[0]).toEqual(first);
});

it("goes on with the former version of a file that cannot be used any more, and says so", async () => {
  folder.define("a.ts", `name: "a", perform() {}`);
  const { modules, upToDate, record, update } = await offerModules(folder.dir);
  const old = modules.get("a");
  folder.write("a.ts", "export default {");

  expect(await update()).toEqual([]);
  expect(modules.get("a")).toBe(old);
  expect(upToDate()).toEqual([]);
  expect(record().problems).toEqual([
    { file: "a.ts", message: expect.stringMatching(/cannot be imported: .*; the version of "a" from before goes on/) },
  ]);

  folder.define("a.ts", `name: "a", description: "mended", perform() {}`);
  expect(await update()).toEqual([old]);
  expect(modules.get("a")).toMatchObject({ description: "mended", outdated: false });
});

it("takes a module for changed when a file that it imports has changed, and not otherwise", async () => {
  folder.write("lib.mts", "export const n = 1;");
  folder.define("a.ts", `name: "a", perform: () => n }); import { n } from "./lib.mts"; ({`);
  folder.define("b.ts", `name: "b", perform() {}`);
  const { modules, update } = await offerModules(folder.dir);
  const [a, b] = [modules.get("a"), modules.get("b")];

  folder.write("notes.txt", "hi");
  expect(await update()).toEqual([]);
  expect([modules.get("a"), modules.get("b")]).toEqual([a, b]);
  expect(modules.get("a")).toBe(a);

  folder.write("lib.mts", "export const n = 2;");
  expect(await update()).toEqual([a]);
  expect(modules.get("a")).not.toBe(a);
  expect(modules.get("b")).toBe(b);
});

it("goes on with the same module when an edit that broke its file is taken back", async () => {
  folder.define("a.ts", `name: "a", perform() {}`);
  const { modules, upToDate, record, update } = await offerModules(folder.dir);
  const old = modules.get("a");
  folder.write("a.ts", "export default {");
  await update();
  folder.define("a.ts", `name: "a", perform() {}`);

  expect(await update()).toEqual([]);
  expect(modules.get("a")).toBe(old);
  expect(upToDate()).toEqual([old]);
  expect(record().problems).toEqual([]);
});
