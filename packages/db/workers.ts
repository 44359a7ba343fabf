import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { workers } from "./tables/workers.ts";

export type WorkerIdentity = { id: string; pool: string; host: string; pid: number; concurrency: number; modules: string[] };

/** Makes a worker known. Before this it can claim nothing. */
export async function registerWorker(db: Db, worker: WorkerIdentity): Promise<void> {
  await db.insert(workers).values(worker);
}

/**
 * A sign of life. `alive` false: the cluster has counted this worker as lost, what it runs is no longer its own.
 * `cancelled`: executions that it runs and that somebody wants stopped.
 */
export async function heartbeat(db: Db, workerId: string): Promise<{ alive: boolean; cancelled: string[] }> {
  const { rows } = await db.execute<{ cancelled: string[] }>(sql`
    update workers set last_seen_at = now() where id = ${workerId} and stopped_at is null
    returning array(
      select id::text from executions where worker = ${workerId} and status = 'running' and cancel_requested_at is not null
    ) as cancelled`);
  const row = rows[0];
  return row ? { alive: true, cancelled: row.cancelled } : { alive: false, cancelled: [] };
}

/** Ends a worker: by itself when it has drained, for good. */
export async function markStopped(db: Db, workerId: string): Promise<void> {
  await db.execute(sql`update workers set stopped_at = now() where id = ${workerId} and stopped_at is null`);
}

/** Ends workers that were not heard of for `silentMs`. Returns their ids. */
export async function markSilentStopped(db: Db, silentMs: number): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    update workers set stopped_at = now()
    where stopped_at is null and last_seen_at < now() - make_interval(secs => ${silentMs} / 1000.0)
    returning id`);
  return rows.map((row) => row.id);
}

/** Forgets workers that stopped more than `days` ago and of which nothing runs. */
export async function forgetStopped(db: Db, days: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from workers w where stopped_at < now() - make_interval(days => ${days})
      and not exists (select from executions e where e.status = 'running' and e.worker = w.id)`);
  return rowCount ?? 0;
}
