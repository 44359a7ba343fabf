/** What a job's overlap policy reads and does. The caller's transaction holds the lock on the job's row. */
import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { OverlapPolicy } from "@belfry/contract/policies.ts";
import { type AdmissionVerdict, admit } from "@belfry/schedule/admit.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { CANCEL_CHANNEL } from "./listen.ts";
import { array, atMost, jsonOrNull, nowMs } from "./sql-values.ts";
import { inTransaction } from "./transaction.ts";

/** A job's open executions: those that may run, and those that wait for their turn. */
export type Open = { running: number; held: number };

/**
 * Admits `count` executions to each job by its policy, and makes the place that `cancel_running` needs. Returns the
 * verdicts of each job's executions in turn; they are to be written in this transaction.
 */
export async function admitAll(
  tx: Db,
  jobs: readonly { jobId: string; overlap: OverlapPolicy; count: number }[],
): Promise<Map<string, AdmissionVerdict[]>> {
  const asking = jobs.filter(({ overlap, count }) => overlap.policy !== "allow" && count > 0);
  const open = await countOpen(
    tx,
    asking.map(({ jobId }) => jobId),
  );
  const admitted = new Map<string, AdmissionVerdict[]>();
  for (const { jobId, overlap, count } of jobs) {
    const { verdicts, cancel, dropHeld } = admit(overlap, open.get(jobId) ?? { running: 0, held: 0 }, count);
    if (dropHeld) await skipHeld(tx, jobId);
    if (cancel > 0) await cancelOldest(tx, jobId, cancel);
    admitted.set(jobId, verdicts);
  }
  return admitted;
}

async function countOpen(tx: Db, jobIds: readonly string[]): Promise<Map<string, Open>> {
  if (jobIds.length === 0) return new Map();
  const { rows } = await tx.execute<Open & { jobId: string }>(sql`
    select job_id as "jobId", count(*) filter (where not held)::int as running, count(*) filter (where held)::int as held
    from executions
    where job_id = any(${array(jobIds, "uuid")}) and status in ('pending', 'running')
    group by job_id`);
  return new Map(rows.map((row) => [row.jobId, row]));
}

async function skipHeld(tx: Db, jobId: string): Promise<void> {
  const { rowCount } = await tx.execute(sql`
    update executions set status = 'skipped', skip_reason = 'overlap', held = false, completed_at = now()
    where job_id = ${jobId} and status = 'pending' and held`);
  await tx.execute(sql`update jobs set run_count = run_count - ${rowCount ?? 0} where id = ${jobId}`);
}

/**
 * Those that somebody else holds are passed over: a verdict may just be written, and it in turn may wait for the job's
 * row that we hold.
 */
async function cancelOldest(tx: Db, jobId: string, count: number): Promise<void> {
  const error: ExecutionError = { code: "CANCELLED", message: "cancelled, since a later occurrence took its place" };
  const { rows: oldest } = await tx.execute<{ id: string; status: string }>(sql`
    select id, status from executions
    where id in (
      select id from executions where job_id = ${jobId} and status in ('pending', 'running') and not held
      order by scheduled_for, id limit ${count}
    ) and status in ('pending', 'running')
    for update skip locked`);
  const of = (status: string) =>
    array(
      oldest.filter((one) => one.status === status).map(({ id }) => id),
      "uuid",
    );
  await tx.execute(sql`
    update executions set status = 'cancelled', completed_at = now(), error = ${jsonOrNull(error)}
    where id = any(${of("pending")})`);
  await tx.execute(sql`
    update executions set cancel_requested_at = coalesce(cancel_requested_at, now()) where id = any(${of("running")})
    returning pg_notify(${CANCEL_CHANNEL}, id::text)`);
}

/**
 * Lets executions that wait for their turn go, the oldest first, where others of their job have ended. Returns how many
 * are now to be published. Jobs that somebody else holds are left for the next time; jobs without a free place are not
 * looked at, so that they cannot keep the others from theirs.
 */
export async function releaseHeld(db: Db, limit: number): Promise<number> {
  return inTransaction(db, async (tx) => {
    const { rows: jobs } = await tx.execute<{ id: string; overlap: OverlapPolicy }>(sql`
      select j.id, j.overlap from jobs j
      where j.id in (select job_id from executions where status = 'pending' and held)
        and (j.overlap->>'policy' = 'allow' or (j.overlap->>'max_instances')::int > (
          select count(*) from executions e
          where e.job_id = j.id and e.status in ('pending', 'running') and not e.held
        ))
      limit ${atMost(limit)}
      for no key update of j skip locked`);
    const open = await countOpen(
      tx,
      jobs.map(({ id }) => id),
    );
    let released = 0;
    for (const { id, overlap } of jobs) {
      const free =
        overlap.policy === "allow" ? Number.MAX_SAFE_INTEGER : overlap.max_instances - (open.get(id)?.running ?? 0);
      if (free > 0) released += await release(tx, id, free);
    }
    return released;
  });
}

/**
 * Asked twice, since what is found may be cancelled before it is changed, which needs no lock on the job: only what is
 * asked of the row itself is asked again then.
 */
async function release(tx: Db, jobId: string, count: number): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    update executions set held = false, available_at = ${nowMs}, publish_at = ${nowMs}
    where id in (
      select id from executions where job_id = ${jobId} and status = 'pending' and held order by scheduled_for, id limit ${count}
    ) and status = 'pending' and held`);
  return rowCount ?? 0;
}
