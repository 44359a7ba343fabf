import { spawn } from "node:child_process";
import type { Socket } from "node:net";

/**
 * Sends `signal` to the process `pid` as soon as this process is gone, however it goes. Servers run in a session of their
 * own, so a kill -9 of the process that started them would otherwise leave them behind for ever.
 *
 * Answers a function that calls the watch off; call it once the server has ended.
 */
export function stopWithParent(pid: number, signal: "INT" | "TERM"): () => void {
  // The shell waits on a pipe that the kernel closes when we die.
  const script = `read -r word; [ "$word" = off ] || kill -${signal} "$1" 2>/dev/null`;
  const watch = spawn("/bin/sh", ["-c", script, "sh", String(pid)], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  watch.on("error", () => undefined);
  watch.stdin.on("error", () => undefined);
  // Neither the watch nor its pipe shall keep this process alive.
  watch.unref();
  (watch.stdin as Socket).unref();
  return () => watch.stdin.end("off\n");
}
