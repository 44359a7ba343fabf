import closeWithGrace from "close-with-grace";
import type { z } from "zod";
import { withDeadline } from "./deadline.ts";
import { commonEnv, parseEnv } from "./env.ts";
import { failureLine } from "./failure-line.ts";
import { createLogger, type Logger } from "./logger.ts";

/** Something that was started and is to be stopped. */
export type Started = { name: string; stop: (deadlineMs: number) => Promise<void> };

/** What `start` uses to say what it has started, in order. */
export type Lifecycle = {
  started(name: string, stop: (deadlineMs: number) => Promise<void> | void): void;
  /** Ends the process as SIGTERM does, with exit code 1: for a part that cannot go on. */
  fail(reason: string): void;
};

export type ProcessDefinition<S extends z.ZodRawShape> = {
  /** The settings besides those that every process has. */
  env: S;
  /** How long stopping may take in all, in milliseconds. */
  graceMs: (env: Env<S>) => number;
  start: (tools: { env: Env<S>; log: Logger; lifecycle: Lifecycle }) => Promise<void>;
};

type Env<S extends z.ZodRawShape> = z.infer<z.ZodObject<typeof commonEnv & S>>;

/**
 * Runs a process: reads its settings and starts its parts; SIGTERM, SIGINT, a fatal error or the end of the process
 * that supervises it stop them in reverse order, all within `graceMs`. A start that fails is one clear line and exit
 * code 1.
 */
export async function runProcess<S extends z.ZodRawShape>(
  service: string,
  definition: ProcessDefinition<S>,
): Promise<void> {
  const parts: Started[] = [];
  let failed = false;
  let stopping = false;
  try {
    const env = parseEnv({ ...commonEnv, ...definition.env }) as Env<S>;
    const log = createLogger(service, (env as { LOG_LEVEL: string }).LOG_LEVEL);
    const graceMs = definition.graceMs(env);
    // A promise that nobody waits for, in a module of a worker above all, must not stop what all the others run.
    process.on("unhandledRejection", (err) => log.error({ err }, "a promise was rejected and nobody heard it"));
    const options = { delay: graceMs + 1_000, logger: false as const, skip: ["unhandledRejection" as const] };
    const grace = closeWithGrace(options, async ({ err, signal }) => {
      stopping = true;
      if (err) log.fatal({ err }, "stopping after a fatal error");
      else log.info({ signal }, "stopping");
      await stopAll(parts, graceMs, log);
      log.info("stopped");
      if (failed) process.exit(1);
    });
    const lifecycle: Lifecycle = {
      started: (name, stop) => parts.push({ name, stop: async (deadlineMs) => stop(deadlineMs) }),
      fail(reason) {
        // Whoever stops already goes on with it: a second stop beside the first would close what that still needs.
        if (stopping) return;
        stopping = true;
        failed = true;
        log.fatal({ reason }, "cannot go on");
        grace.close();
      },
    };
    const parentGone = (): void => lifecycle.fail("the supervising process is gone");
    process.once("disconnect", parentGone);
    // It may have gone before anybody listened.
    if (process.connected === false) parentGone();
    await definition.start({ env, log, lifecycle });
    if (process.connected) process.send?.({ ready: true });
  } catch (error) {
    // What was starting has lost its ground to a stop, which is under way and ends the process.
    if (stopping) return;
    process.stderr.write(`belfry ${service}: ${failureLine(error)}\n`);
    process.exit(1);
  }
}

async function stopAll(parts: Started[], graceMs: number, log: Logger): Promise<void> {
  const end = performance.now() + graceMs;
  while (parts.length > 0) {
    const part = parts.pop() as Started;
    const left = Math.max(100, end - performance.now());
    await withDeadline(`stopping ${part.name}`, left, part.stop(left)).catch((err: unknown) =>
      log.error({ err, part: part.name }, "did not stop cleanly"),
    );
  }
}
