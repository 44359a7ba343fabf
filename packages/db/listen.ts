import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { connectionSettings } from "./client.ts";

/** Somebody made or changed a job or an execution: the scheduler has something to look at. */
export const WAKE_CHANNEL = "belfry_wake";
/** An execution's cancellation was asked for; the payload is its id. */
export const CANCEL_CHANNEL = "belfry_cancel";
/** A function is to be tested; the payload is the pool whose workers are meant. */
export const TEST_CHANNEL = "belfry_test";
/** A test was answered; the payload is its id. */
export const TESTED_CHANNEL = "belfry_tested";
/** A function has said something of a phase that it answers later; the payload is the execution's id. */
export const CALLBACK_CHANNEL = "belfry_callback";

const RECONNECT_MS = 1_000;
/** A LISTEN connection that went half-open gets no error: it is asked for a sign of life this often. */
const PROBE_MS = 15_000;

export type Listener = { close(): Promise<void> };

/**
 * Calls `onNotify` for each notification, on a connection of its own that is rebuilt when it breaks. A notification
 * is a hint that saves waiting and may be lost; whoever listens also looks by itself. `onConnect` is called after
 * each (re)connection, when hints may have been missed.
 */
export function listen(
  url: string,
  channel: string,
  handlers: { onNotify: (payload: string) => void; onConnect?: () => void; onError: (error: Error) => void },
): Listener {
  const stop = new AbortController();
  const running = run();
  return {
    async close() {
      stop.abort();
      await running;
    },
  };

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const client = new pg.Client(connectionSettings(url, `belfry listen ${channel}`));
      // Also while nobody waits for it to break: an error event that nobody hears ends the process.
      client.on("error", () => undefined);
      try {
        await client.connect();
        client.on("notification", ({ payload }) => handlers.onNotify(payload ?? ""));
        await client.query(`listen ${channel}`);
        handlers.onConnect?.();
        await untilBroken(client, stop.signal);
      } catch (error) {
        handlers.onError(error as Error);
        await sleep(RECONNECT_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }
}

/** Resolves when told to stop, rejects when the connection is gone. */
async function untilBroken(client: pg.Client, signal: AbortSignal): Promise<void> {
  const broken = new Promise<never>((_, reject) => {
    client.on("error", reject);
    client.on("end", () => reject(new Error("the LISTEN connection ended")));
  });
  broken.catch(() => undefined);
  while (!signal.aborted) {
    const probeDue = sleep(PROBE_MS, undefined, { signal }).catch(() => undefined);
    await Promise.race([probeDue, broken]);
    if (!signal.aborted) await client.query("select 1");
  }
}
