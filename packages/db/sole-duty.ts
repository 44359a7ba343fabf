import pg from "pg";
import { connectionSettings } from "./client.ts";

/** A duty that one process of a cluster does at a time. */
export type SoleDuty = {
  /** Whether it is this process's, which takes it if nobody has it. Throws when Postgres does not answer. */
  isOurs(): Promise<boolean>;
  close(): Promise<void>;
};

/**
 * The duty belongs to who holds the advisory lock `key`, on a connection of its own that ends with the process. One
 * that is frozen would keep its connection, and the duty with it: Postgres ends it when nobody has asked `isOurs` for
 * `idleMs`.
 */
export function soleDuty(url: string, key: number, idleMs: number): SoleDuty {
  let held: pg.Client | null = null;
  return {
    async isOurs() {
      if (held && (await isAlive(held))) return true;
      await held?.end().catch(() => undefined);
      held = await take(url, key, idleMs);
      return held !== null;
    },
    async close() {
      await held?.end().catch(() => undefined);
      held = null;
    },
  };
}

function isAlive(client: pg.Client): Promise<boolean> {
  return client.query("select 1").then(
    () => true,
    () => false,
  );
}

async function take(url: string, key: number, idleMs: number): Promise<pg.Client | null> {
  const client = new pg.Client(connectionSettings(url, "belfry sole duty"));
  // It shows when it is asked next; unheard, the event would end the process.
  client.on("error", () => undefined);
  let taken = false;
  try {
    await client.connect();
    await client.query("select set_config('idle_session_timeout', $1, false)", [String(idleMs)]);
    const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [key]);
    taken = rows[0]?.taken === true;
    return taken ? client : null;
  } finally {
    if (!taken) await client.end().catch(() => undefined);
  }
}
