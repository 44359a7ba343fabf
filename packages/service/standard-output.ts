import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

const STDOUT = 1;
/** A reader that is slow is waited for; one that takes nothing for this long does not keep the process from ending. */
const FULL_PIPE_TRIES = 200;
const FULL_PIPE_WAIT_MS = 10;

/**
 * Standard output for log lines: what one turn of the event loop logs is one write. Nothing is lost when the process
 * ends, and nothing matters any more when whoever read it is gone.
 *
 * pino's own destination hangs there: sonic-boom 4.2.1 tries to write its last lines for ever when the pipe is broken,
 * so a process whose supervisor was killed would never end.
 */
export function standardOutput(): DestinationStream {
  let lines = "";
  let broken = false;
  const flush = (): void => {
    const bytes = Buffer.from(lines);
    lines = "";
    if (!broken && bytes.length > 0) broken = !writeWhole(bytes);
  };
  process.on("exit", flush);
  return {
    write(line) {
      if (lines === "") setImmediate(flush);
      lines += line;
    },
  };
}

/** False when nobody will read what is written here. */
function writeWhole(bytes: Buffer): boolean {
  let written = 0;
  for (let tries = 0; written < bytes.length; ) {
    try {
      written += writeSync(STDOUT, bytes, written);
      tries = 0;
    } catch (error) {
      // A pipe that somebody has made non-blocking says so when it is full.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return false;
      if (++tries === FULL_PIPE_TRIES) return true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT_MS);
    }
  }
  return true;
}
