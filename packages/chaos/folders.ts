import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const inUse = new Set<string>();

/** A folder for a run, with everything that the run writes. */
export function makeFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `belfry-chaos-${name}-`));
  inUse.add(folder);
  return folder;
}

/** The run is over: its folder is removed, or told of. */
export function leaveFolder(folder: string, { remove }: { remove: boolean }, note: (line: string) => void): void {
  inUse.delete(folder);
  if (remove) rmSync(folder, { recursive: true, force: true });
  else note(`logs and histories are in ${folder}`);
}

/** Those of runs that are not over. */
export const foldersInUse = (): string[] => [...inUse];
