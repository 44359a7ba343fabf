import { sql } from "drizzle-orm";
import { type Asking, admitAtGates } from "./admit-at-gates.ts";
import type { Db } from "./client.ts";
import { type ClaimedExecution, claimExecutions } from "./executions.ts";
import { dropEndedHolds, type Gate, letGo, lockGates, PARKED_UNTIL, park, readGates, recordStarts } from "./gates.ts";
import { WAKE_CHANNEL } from "./listen.ts";
import { array, columnsOf, opaque, toInstant } from "./sql-values.ts";
import { inTransaction } from "./transaction.ts";

type Wanted = { executionId: string; attempt: number };

/**
 * Claims executions of functions and accounts that have limits, as far as the limits let them: the counts are read
 * under the locks on the gates, so that workers who claim at once do so one after the other. What does not fit waits at
 * its gate, and is none of the worker's any more. What has no limit, or is not to be had, is left as it is.
 */
export async function claimGated(db: Db, worker: string, wanted: readonly Wanted[]): Promise<ClaimedExecution[]> {
  const candidates = await readCandidates(db, wanted, false);
  const gateIds = [...new Set(candidates.flatMap(({ gates }) => gates))];
  if (gateIds.length === 0) return [];
  return inTransaction(db, async (tx) => {
    const locked = await lockGates(tx, gateIds);
    const asking = await readCandidates(tx, candidates, true);
    const { now, gates } = await readGates(tx, locked);
    const { admitted, turnedAway } = admitAtGates(asking, gates);

    const attempts = new Map(asking.map(({ executionId, attempt }) => [executionId, attempt]));
    const claimed = await claimExecutions(
      tx,
      worker,
      admitted.map((executionId) => ({ executionId, attempt: attempts.get(executionId) as number })),
      { pastGates: true },
    );
    const after = await noteStarts(tx, gates, asking, claimed, now);
    const away = Map.groupBy(turnedAway, ({ gate }) => gate);
    for (const [gate, those] of away) {
      await park(
        tx,
        gate,
        those.map(({ executionId }) => executionId),
      );
    }
    const withWaiting = after.map((gate) => (away.has(gate.id) ? { ...gate, waiting: true } : gate));
    await letGo(tx, withWaiting);
    // Whoever sleeps until a place is free has to know of the first that waits for its time.
    const firstOfRate = gates.some(({ id, waiting, rateLimit }) => rateLimit !== null && !waiting && away.has(id));
    if (firstOfRate) await tx.execute(sql`select pg_notify(${WAKE_CHANNEL}, 'gates')`);
    return claimed;
  });
}

type Candidate = Asking & { attempt: number };

/** Those that may start and have a gate. Locked, in the order in which everybody locks executions, if so wished. */
async function readCandidates(db: Db, wanted: readonly Wanted[], lock: boolean): Promise<Candidate[]> {
  if (wanted.length === 0) return [];
  const ids = columnsOf(wanted)("executionId", "uuid");
  const { rows } = await db.execute<Candidate>(sql`
    select e.id as "executionId", e.attempt, array(
        select g.id::text from gates g where g.id in (e.function_id, e.account_id) order by g.kind desc
      ) as gates, case when e.publish_at < ${PARKED_UNTIL} then e.gate end as "letGoAt"
    from executions e
    where e.id = any(${ids}) and ${opaque(sql`e.status = 'pending' and not e.held and e.available_at <= clock_timestamp()`)}
    order by e.id ${lock ? sql`for update of e` : sql``}`);
  const attempts = new Map(wanted.map(({ executionId, attempt }) => [executionId, attempt]));
  return rows.filter(({ executionId, attempt, gates }) => gates.length > 0 && attempts.get(executionId) === attempt);
}

/** Counts what was claimed at its gates, and returns the gates as they are then. */
async function noteStarts(
  tx: Db,
  gates: readonly Gate[],
  asking: readonly Candidate[],
  claimed: readonly ClaimedExecution[],
  now: number,
): Promise<Gate[]> {
  if (claimed.length === 0) return [...gates];
  const started = new Set(claimed.map(({ executionId }) => executionId));
  const starts = asking.filter(({ executionId }) => started.has(executionId));
  const holds = columnsOf(
    starts.flatMap(({ executionId, attempt, gates: ids }) => ids.map((gateId) => ({ gateId, executionId, attempt }))),
  );
  await tx.execute(sql`
    insert into gate_holds (gate_id, execution_id, attempt)
    select * from unnest(${holds("gateId", "uuid")}, ${holds("executionId", "uuid")}, ${holds("attempt", "int")})
    on conflict do nothing`);
  if (gates.some(({ rateLimit }) => rateLimit !== null)) {
    // The start that is counted is the one that is recorded, and not the moment at which we began to wait for the locks.
    await tx.execute(
      sql`update executions set started_at = ${toInstant(now)} where id = any(${array([...started], "uuid")})`,
    );
  }
  const after: Gate[] = [];
  for (const gate of gates) {
    const count = starts.filter(({ gates: ids }) => ids.includes(gate.id)).length;
    const came = starts.filter(({ letGoAt }) => letGoAt === gate.id).length;
    if (gate.rateLimit !== null && count > 0) await recordStarts(tx, gate.id, count, now);
    after.push({
      ...gate,
      running: gate.running + count,
      started: gate.started + count,
      underWay: Math.max(0, gate.underWay - came),
    });
  }
  return after;
}

/** Attempts have ended: their places at gates are free, and go to whoever waits. */
export async function leaveGates(db: Db, executionIds: readonly string[]): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.execute<{ id: string }>(sql`
      select distinct gate_id as id from gate_holds where execution_id = any(${array(executionIds, "uuid")})`);
    if (rows.length === 0) return;
    const locked = await lockGates(
      tx,
      rows.map(({ id }) => id),
    );
    await dropEndedHolds(tx, locked);
    const { gates } = await readGates(tx, locked);
    await letGo(tx, gates);
  });
}
