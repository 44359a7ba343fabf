// Fails when the tables and the migrations tell different stories: `drizzle-kit generate` must have nothing to add.
// It works on a copy of the migrations, so that a check never writes into the repository.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import config from "./drizzle.config.ts";

const here = import.meta.dirname;
process.chdir(here);
if (typeof config.out !== "string" || typeof config.schema !== "string") {
  throw new Error("drizzle.config.ts must name one `schema` pattern and one `out` folder");
}

// Below node_modules: drizzle-kit wants a relative path, and that folder is ignored by git and by all tools.
const copy = mkdtempSync(join(here, "node_modules", ".drift-"));
try {
  const before = existsSync(config.out) ? readMigrations(config.out) : [];
  if (existsSync(config.out)) cpSync(config.out, copy, { recursive: true });
  const args = [
    "generate",
    `--dialect=${config.dialect}`,
    `--schema=${config.schema}`,
    `--out=${relative(here, copy)}`,
  ];
  const result = spawnSync(join(here, "node_modules", ".bin", "drizzle-kit"), args, {
    encoding: "utf8",
    // It asks whether a column was renamed when it cannot know; without an answer it fails, which is right here.
    stdio: ["ignore", "pipe", "pipe"],
  });
  const added = readMigrations(copy).filter((name) => !before.includes(name));
  // Some problems (an index without a name) end in a warning, no file and exit code 0: only this sentence means no drift.
  const same = result.status === 0 && added.length === 0 && result.stdout.includes("No schema changes");
  if (same) {
    console.log(`no drift: ${before.length} migration(s) make exactly the tables of the schema`);
  } else {
    console.error("The migrations do not make the tables of the schema. Run `drizzle-kit generate` in packages/db.");
    console.error(result.stdout + result.stderr);
    for (const name of added) console.error(readFileSync(join(copy, name), "utf8"));
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function readMigrations(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".sql"));
}
