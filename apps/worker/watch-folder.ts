import { watch } from "node:fs";

/** An editor writes a file in several steps, and a build writes several files. */
const QUIET_MS = 200;

/**
 * Calls `onChange` when something in a folder, or below it, has changed and it has been quiet for a moment; never
 * while an earlier call is under way. What is under way when it is closed is not waited for, and no longer heard of.
 */
export function watchFolder(
  dir: string,
  onChange: () => Promise<void>,
  onError: (error: unknown) => void,
): { close(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let closed = false;
  const watcher = watch(dir, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(() => (closed ? undefined : onChange())).catch(tell);
    }, QUIET_MS);
  });
  watcher.on("error", tell);
  return {
    async close() {
      closed = true;
      watcher.close();
      clearTimeout(timer);
    },
  };

  function tell(error: unknown): void {
    if (!closed) onError(error);
  }
}
