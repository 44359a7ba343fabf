import { readFileSync } from "node:fs";

/** True when a process with this number runs, whoever owns it. One that has ended and waits to be reaped does not count. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return statFields(pid)[0] !== "Z";
}

/** Tells a process from a later one that got the same number: its start time where there is a /proc, else an empty string. */
export function birthOf(pid: number): string {
  return statFields(pid)[19] ?? "";
}

/** The command line of a process, or undefined where there is no /proc (macOS). */
export function commandOf(pid: number): string | undefined {
  return readProc(pid, "cmdline");
}

/** The fields of /proc/<pid>/stat from the third one (the state) on: the second is the name, which may hold anything. */
function statFields(pid: number): string[] {
  const stat = readProc(pid, "stat") ?? "";
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
