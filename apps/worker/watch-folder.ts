import { watch } from "node:fs";

/** An editor writes a file in several steps, and a build writes several files. */
const QUIET_MS = 200;

/**
 * Calls `onChange` when something in a folder, or below it, has changed and it has been quiet for a moment; never
 * while an earlier call is under way.
 */
export function watchFolder(
  dir: string,
  onChange: () => Promise<void>,
  onError: (error: unknown) => void,
): { close(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const watcher = watch(dir, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(onChange).catch(onError);
    }, QUIET_MS);
  });
  watcher.on("error", onError);
  return {
    async close() {
      watcher.close();
      clearTimeout(timer);
      await running;
    },
  };
}
