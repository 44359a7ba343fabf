import { type ChildProcess, spawn } from "node:child_process";

/** Kept in a shell, which is on every machine and costs a megabyte: when its input ends, the worker has ended. */
const SCRIPT = `
groups=' '
while read -r what group; do
  case $what in
    add) groups="$groups$group " ;;
    drop) groups=\${groups%% $group *}' '\${groups#* $group } ;;
  esac
done
for group in $groups; do kill -9 "-$group" 2>/dev/null; done`;

/**
 * Ends the hosts of a worker that was killed, with all that their modules have forked: a host that is blocked would not
 * notice that its worker has gone. It lives in a group of its own, for what is sent to the worker's.
 */
export type Reaper = { add(pid: number): void; drop(pid: number): void; close(): void };

export function startReaper(onError: (error: Error) => void): Reaper {
  const shell: ChildProcess = spawn("sh", ["-c", SCRIPT], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    env: {},
  });
  shell.on("error", onError);
  shell.stdin?.on("error", () => undefined); // it is told by "error" or "exit"
  shell.on("exit", (code) => {
    if (!closing) onError(new Error(`the shell that ends hosts after their worker has ended by itself (${code})`));
  });
  shell.unref();
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  let closing = false;
  return {
    add: (pid) => void shell.stdin?.write(`add ${pid}\n`),
    drop: (pid) => void shell.stdin?.write(`drop ${pid}\n`),
    close() {
      closing = true;
      shell.stdin?.end();
    },
  };
}
