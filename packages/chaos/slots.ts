import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { killAtExit } from "./kill-at-exit.ts";

/** A place in the cluster in which a process runs, and another one when that has died. */
export type Slot = {
  name: string;
  /** Resolves when the first process is ready. */
  ready: Promise<void>;
  /** Sends a signal to the process that runs there at the moment, if one does. */
  signal(signal: NodeJS.Signals): void;
  /** Variables of the next processes, over those of the slot. */
  override(env: Record<string, string>): void;
  /** When its processes ended by themselves: without having been sent a signal that ends them. */
  exits(): readonly number[];
  stop(): Promise<void>;
};

const RESTART_MS = 300;

/** Keeps `file` running with this Node.js. What it prints goes to `logFile`; it ends when we do. */
export function openSlot(
  name: string,
  { file, args = [], env, logFile }: { file: string; args?: string[]; env: Record<string, string>; logFile: string },
): Slot {
  const { DATABASE_URL: _d, REDIS_URL: _r, ...inherited } = process.env;
  let child: ChildProcess;
  let stopping = false;
  let extra: Record<string, string> = {};
  let wasTold = false;
  const exits: number[] = [];
  const ready = Promise.withResolvers<void>();
  const ended = run();
  return {
    name,
    ready: ready.promise,
    signal(signal) {
      wasTold ||= signal === "SIGKILL" || signal === "SIGTERM";
      child.kill(signal);
    },
    override(env) {
      extra = env;
    },
    exits: () => exits,
    async stop() {
      stopping = true;
      child.kill("SIGCONT");
      child.kill("SIGKILL");
      await ended;
    },
  };

  async function run(): Promise<void> {
    while (!stopping) {
      const log = openSync(logFile, "a");
      wasTold = false;
      child = spawn(process.execPath, [file, ...args], {
        env: { ...inherited, ...env, ...extra },
        detached: true,
        stdio: ["ignore", log, log, "ipc"],
      });
      killAtExit(child);
      closeSync(log);
      child.once("message", () => ready.resolve());
      await new Promise((resolve) => child.once("exit", resolve));
      if (stopping) return;
      if (!wasTold) exits.push(Date.now());
      await sleep(RESTART_MS);
    }
  }
}
