import { expect, it } from "vitest";
import { withoutPaths } from "./without-paths.ts";

it.each([
  ["Cannot find package 'zod' imported from /srv/own/functions/a.ts", "Cannot find package 'zod' imported from …/a.ts"],
  ["Cannot find module 'file:///srv/own/lib.ts' imported", "Cannot find module '…/lib.ts' imported"],
  [
    "ENOENT: no such file or directory, open '/home/My Files/key.pem'",
    "ENOENT: no such file or directory, open '…/key.pem'",
  ],
  ["Require stack:\n- /srv/a.cjs\n- /srv/b.cjs", "Require stack:\n- …/a.cjs\n- …/b.cjs"],
  ["at file:///srv/a.ts:3:7 (/srv/b.ts:1:2)", "at …/a.ts:3:7 (…/b.ts:1:2)"],
  [String.raw`open C:\Users\ann\a.ts`, "open …/a.ts"],
  ["connect postgres://ann:secret@db.internal/shop", "connect postgres://…@db.internal/shop"],
])("leaves out where things lie: %s", (message, expected) => {
  expect(withoutPaths(message)).toBe(expected);
});

it.each([
  "cannot be imported: no database",
  "Cannot find module './lib/words.ts'",
  "https://example.com/a/b answered 500",
  "'@belfry/functions/serve' and/or 3 / 4",
])("leaves the rest as it is: %s", (message) => {
  expect(withoutPaths(message)).toBe(message);
});
