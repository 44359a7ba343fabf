/**
 * The process in which uploaded code runs, one call at a time: no environment, no permission to open a file or a
 * connection, and a parent that kills it. What it says is not to be trusted more than the code that it runs.
 */
import { compileSource } from "./compile-source.ts";
import type { CallOutcome, FromHost, LogLevel, ToHost } from "./sandbox-messages.ts";
import { type RunningVm, startVm, warmUp } from "./sandbox-vm.ts";
import { firstBytes } from "./storable-text.ts";

/** Less than what is recorded of a phase, so that the note of what was cut still fits. */
const MAX_LOG_LINES = 998;
const MAX_LOG_BYTES = 63 * 1024;

const sources = new Map<string, string>();
const calls = new Map<number, RunningVm>();

process.on("message", (message: ToHost) => void receive(message));
// Whoever wanted the answers is gone.
process.on("disconnect", () => process.exit());
await warmUp();
send({ type: "ready" });

async function receive(message: ToHost): Promise<void> {
  switch (message.type) {
    case "call":
      return call(message);
    case "fetched":
      return calls.get(message.id)?.settleFetch(message.fetchId, message.answer);
    case "stop":
      // One that is over has said so already.
      if (!calls.has(message.id)) return;
      calls.get(message.id)?.stop();
      return done(message.id, { ok: false, reason: "time", message: "stopped", permanent: false });
    case "compile":
      return send({ type: "compiled", id: message.id, outcome: await compileSource(message.source, message.language) });
  }
}

async function call({ id, key, code, forget, event, run, limits }: ToHost & { type: "call" }): Promise<void> {
  if (forget) sources.clear();
  if (code !== undefined) sources.set(key, code);
  const log = limitLog((level, text) => send({ type: "log", id, level, text }));
  let ended: CallOutcome | null = null;
  try {
    const running = await startVm(
      { code: sources.get(key) as string, event, run: JSON.stringify(run), limits },
      {
        log: log.add,
        fetch: (fetchId, request) => send({ type: "fetch", id, fetchId, request }),
        done(outcome) {
          ended = outcome;
          log.finish();
          if (calls.has(id)) done(id, outcome);
        },
      },
    );
    calls.set(id, running);
    if (ended) done(id, ended);
  } catch (thrown) {
    done(id, { ok: false, reason: "host", message: String(thrown), permanent: false });
  }
}

function done(id: number, outcome: CallOutcome): void {
  const memoryBytes = calls.get(id)?.memoryBytes() ?? 0;
  calls.delete(id);
  send({ type: "done", id, outcome, memoryBytes });
}

/** What is beyond the limits is counted, and said at the end. */
function limitLog(emit: (level: LogLevel, text: string) => void): {
  add: (level: LogLevel, text: string) => void;
  finish: () => void;
} {
  let [lines, bytes, cutLines, cutBytes] = [0, 0, 0, 0];
  return {
    add(level, text) {
      const size = Buffer.byteLength(text) + level.length + 1;
      if (cutLines > 0 || lines >= MAX_LOG_LINES || bytes + size > MAX_LOG_BYTES) {
        const beginning = cutLines === 0 && lines < MAX_LOG_LINES ? firstBytes(text, MAX_LOG_BYTES - bytes - 10) : "";
        if (beginning) emit(level, beginning);
        cutLines += 1;
        cutBytes += size - Buffer.byteLength(beginning);
        return;
      }
      lines += 1;
      bytes += size;
      emit(level, text);
    },
    finish() {
      if (cutLines > 0) emit("warn", `[log cut: ${cutLines} lines, ${cutBytes} bytes]`);
    },
  };
}

function send(message: FromHost): void {
  // A channel that has just been closed is no error of ours: `disconnect` follows.
  process.send?.(message, undefined, undefined, () => undefined);
}
