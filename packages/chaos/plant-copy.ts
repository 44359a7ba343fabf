import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Change } from "./plants.ts";

/** Copies apps and packages to a folder of its own, where they find their dependencies as here. */
export function copySources(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  // Links between packages are relative, so those of the copy lead to the copy; what is installed is shared.
  for (const folder of ["apps", "packages"])
    cpSync(join(from, folder), join(to, folder), { recursive: true, verbatimSymlinks: true });
  cpSync(join(from, "package.json"), join(to, "package.json"));
  symlinkSync(join(from, "node_modules"), join(to, "node_modules"), "dir");
}

/** Changes the sources that lie in `root`. Throws when a text is not there exactly once: what is not planted proves nothing. */
export function plantIn(root: string, changes: readonly Change[]): void {
  for (const { file, find, replace } of changes) {
    const path = join(root, file);
    const text = readFileSync(path, "utf8");
    const times = text.split(find).length - 1;
    if (times !== 1) throw new Error(`${file} has ${times} times what is to be changed, not once: ${find}`);
    // A function, since a replacement text may have dollar signs.
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }
}
