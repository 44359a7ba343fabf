import pg from "pg";
import { connectionSettings } from "./client.ts";
import { DUTY_LOCKS } from "./duties.ts";

/** What became of a call to do a duty. `busy`: somebody else is at it. `recent`: it was done a moment ago. */
export type DutyOutcome =
  | { outcome: "done"; result: string }
  | { outcome: "failed"; error: unknown }
  | { outcome: "busy" | "recent" };

/** Often enough that Postgres does not take the connection for idle. */
const PING_MS = 5_000;
/** A scheduler that is frozen in the middle of a duty keeps its connection: Postgres ends it after this. */
const IDLE_MS = 20_000;
/** More of an error nobody reads. */
const MAX_TEXT = 4_000;

type Options = {
  /** Aborted when the work is no longer wanted. */
  stopping?: AbortSignal;
  pingMs?: number;
  idleMs?: number;
};

/**
 * Does a duty of the cluster unless somebody is at it, or it was done less than half its interval ago (the queue may
 * call twice). Whoever is at it holds an advisory lock on a connection of its own, so a process that is killed holds
 * nothing. What came of it is written on that same connection: who has lost the lock cannot write, and `work`'s signal
 * is aborted. Throws when Postgres does not answer.
 */
export async function runDuty(
  url: string,
  { name, everyMs }: { name: string; everyMs: number },
  work: (signal: AbortSignal) => Promise<string>,
  { stopping, pingMs = PING_MS, idleMs = IDLE_MS }: Options = {},
): Promise<DutyOutcome> {
  const client = new pg.Client(connectionSettings(url, `belfry duty ${name}`));
  const lost = new AbortController();
  const lose = () => lost.abort(new Error(`the lock of duty ${name} is lost`));
  client.on("error", lose);
  client.on("end", lose);
  try {
    await client.connect();
    if (!(await lock(client, name, idleMs))) return { outcome: "busy" };
    if (!(await begin(client, name, everyMs))) return { outcome: "recent" };
    const ping = setInterval(() => void client.query("select 1").catch(lose), pingMs);
    const signal = stopping ? AbortSignal.any([lost.signal, stopping]) : lost.signal;
    try {
      const result = await work(signal);
      lost.signal.throwIfAborted();
      await client.query("update duties set done_at = now(), result = $2, error = null where name = $1", [
        name,
        storable(result),
      ]);
      return { outcome: "done", result };
    } catch (error) {
      await client
        .query("update duties set error = $2 where name = $1", [name, storable(describe(error))])
        .catch(() => undefined);
      return { outcome: "failed", error };
    } finally {
      clearInterval(ping);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function lock(client: pg.Client, name: string, idleMs: number): Promise<boolean> {
  await client.query("select set_config('idle_session_timeout', $1, false)", [String(idleMs)]);
  const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1, hashtext($2)) as taken", [
    DUTY_LOCKS,
    name,
  ]);
  return rows[0]?.taken === true;
}

/** Notes that it begins, unless it was done a moment ago. A clock that went back does not make what was done recent for ever. */
async function begin(client: pg.Client, name: string, everyMs: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into duties as d (name, every_ms, started_at) values ($1, $2, now())
     on conflict (name) do update set started_at = now(), every_ms = excluded.every_ms
     where d.done_at is null
       or d.done_at not between now() - make_interval(secs => $2::int / 2000.0) and now() + interval '1 second'`,
    [name, everyMs],
  );
  return rowCount === 1;
}

/** Why it failed. Of a failed query only what the database said: its own message holds the parameters. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "query" in error && error.cause instanceof Error ? describe(error.cause) : error.message;
}

const storable = (text: string): string => text.toWellFormed().replaceAll("\u0000", "").slice(0, MAX_TEXT);
