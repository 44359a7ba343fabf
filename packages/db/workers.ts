import type { FileProblem, Offer } from "@belfry/contract/registry.ts";
import { eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { workers } from "./tables/workers.ts";

export type WorkerIdentity = {
  id: string;
  pool: string;
  host: string;
  pid: number;
  concurrency: number;
  modules: string[];
  offers?: Offer[];
  problems?: FileProblem[];
};

/** Makes a worker known. Before this it can claim nothing. */
export async function registerWorker(db: Db, worker: WorkerIdentity): Promise<void> {
  await db.insert(workers).values(worker);
}

/** Says what a worker offers from now on. */
export async function updateOffers(
  db: Db,
  workerId: string,
  offered: Required<Pick<WorkerIdentity, "modules" | "offers" | "problems">>,
): Promise<void> {
  await db.update(workers).set(offered).where(eq(workers.id, workerId));
}

/** A claim this old is known to the worker that made it; a younger one may still be on its way back. */
const CLAIM_SETTLES_SECONDS = 15;

/**
 * A sign of life. `alive` false: the cluster has counted this worker as lost, what it runs is no longer its own.
 * `cancelled`: executions that it runs and that somebody wants stopped. `claimed`: those that it has held for a while,
 * for it to compare with what it really runs.
 */
export async function heartbeat(
  db: Db,
  workerId: string,
): Promise<{ alive: boolean; cancelled: string[]; claimed: string[] }> {
  const { rows } = await db.execute<{ cancelled: string[]; claimed: string[] }>(sql`
    update workers set last_seen_at = now() where id = ${workerId} and stopped_at is null
    returning array(
      select id::text from executions where worker = ${workerId} and status = 'running' and cancel_requested_at is not null
    ) as cancelled, array(
      select id::text from executions
      where worker = ${workerId} and status = 'running' and started_at < now() - make_interval(secs => ${CLAIM_SETTLES_SECONDS})
    ) as claimed`);
  const row = rows[0];
  return row ? { alive: true, ...row } : { alive: false, cancelled: [], claimed: [] };
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

/** Forgets workers that stopped more than a day ago and run nothing any more. Returns how many. */
export async function forgetStopped(db: Db): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from workers w
    where w.stopped_at < now() - interval '1 day'
      and not exists (select from executions e where e.worker = w.id and e.status = 'running')`);
  return rowCount ?? 0;
}
