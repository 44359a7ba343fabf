import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BatchToHost, CodeToHost, FromHost, HostEvent, ToHost } from "./host-messages.ts";
import type { Reaper } from "./host-reaper.ts";
import type { ModuleCode } from "./module-code.ts";

const ENTRY = fileURLToPath(new URL("module-host.ts", import.meta.url));
/** A host that is asked for its memory is on Linux; elsewhere nobody watches it. */
const PAGE_BYTES = 4096;
const LAST_WORDS_MS = 200;

export type HostListener = {
  ready(): void;
  received(seq: number): void;
  began(seq: number, events: readonly HostEvent[]): void;
  /** It has ended, with all that it has forked; `reason` is a half-sentence: "its process …". Called once. */
  ended(reason: string): void;
};

/** One process in which a module runs, as its worker sees it. */
export type Host = {
  /** Sends items as one batch and returns its number. */
  post(items: ToHost[]): number;
  /** Ends it and what it has forked. `reason` is what `ended` then says. */
  kill(reason: string): void;
  /** Memory in use, in bytes; null if the system does not say. */
  memory(): number | null;
};

export function startHost(
  module: { file: string; name: string; code: ModuleCode },
  options: { memoryMb: number; env: NodeJS.ProcessEnv; reaper: Reaper },
  listener: HostListener,
): Host {
  // Its output goes to the worker's standard error: the worker's own output is a log for machines.
  const child: ChildProcess = spawn(
    process.execPath,
    [`--max-old-space-size=${options.memoryMb}`, ENTRY, module.file, module.name],
    {
      env: options.env,
      stdio: ["ignore", process.stderr.fd, process.stderr.fd, "ipc"],
      serialization: "json",
      detached: true,
    },
  );
  const { pid } = child;
  let seq = 0;
  let reason = "";
  let ended = false;
  if (pid !== undefined) options.reaper.add(pid);
  if (child.connected) child.send({ code: module.code } satisfies CodeToHost, () => undefined);
  child.on("message", (message: FromHost) => {
    if (ended || !isMessage(message)) return;
    if ("ready" in message) listener.ready();
    else if ("failed" in message) kill(`could not load the module: ${message.failed}`);
    else if ("received" in message) listener.received(message.received);
    else if ("began" in message) listener.began(message.began, message.events);
    else reason ||= message.ending;
  });
  child.once("error", (error) => end(`could not be started: ${error.message}`));
  // Its last words may be read after it has exited; once the channel is closed there are no more. Neither waits long
  // for the other: a module can close the channel and live on, and what it has forked can keep it open.
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => {
      killGroup(pid);
      resolve(howItEnded(code, signal));
    });
  });
  const closed = new Promise<void>((resolve) => child.once("disconnect", resolve));
  void closed
    .then(() => sleep(LAST_WORDS_MS, undefined, { ref: false }))
    .then(() => kill("closed its channel to the worker"));
  void exited.then(async (how) => {
    await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    end(reason || how);
  });

  return {
    post(items) {
      seq++;
      if (child.connected) child.send({ seq, items } satisfies BatchToHost, () => undefined);
      return seq;
    },
    kill,
    memory: () => readRss(pid),
  };

  function kill(why: string): void {
    if (ended) return;
    if (child.exitCode === null && child.signalCode === null) reason ||= why;
    killGroup(pid);
  }

  function end(why: string): void {
    if (ended) return;
    ended = true;
    // What it has forked and left behind.
    killGroup(pid);
    if (pid !== undefined) options.reaper.drop(pid);
    listener.ended(why);
  }
}

/** A module has the means to send whatever it likes. */
function isMessage(message: unknown): message is FromHost {
  if (typeof message !== "object" || message === null) return false;
  return ["ready", "failed", "received", "began", "ending"].some((key) => key in message);
}

function howItEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGABRT" || code === 134) return "ended, most likely since it needed more memory than it may use";
  return signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // nobody is left in it
  }
}

function readRss(pid: number | undefined): number | null {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1];
    return Number(pages) * PAGE_BYTES;
  } catch {
    return null;
  }
}
