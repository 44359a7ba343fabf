import { setTimeout as sleep } from "node:timers/promises";
import type { AuditFinding } from "@belfry/contract/audit.ts";
import { auditLedger } from "@belfry/db/audit.ts";
import { type Db, databaseNow, withDatabase } from "@belfry/db/client.ts";
import { readDuties } from "@belfry/db/duties.ts";
import type { Logger } from "@belfry/service/logger.ts";

/** Nobody waits for the locks of an audit, and the rows of a large ledger take their time to be counted. */
const DEADLINE_MS = 300_000;
const HOUR = 3_600_000;
/** How far back the first one looks. */
const FIRST_MS = 24 * HOUR;
/** How far before the end of the last good one the next begins. */
const OVERLAP_MS = HOUR;
/** So that what was written while the last one went on is always in the overlap. */
const LONGEST_MS = 50 * 60_000;
/** Of the time, at most half is the audit's: the sweep is in this process, and Postgres is everybody's. */
const WORK_MS = 50;
const MAX_LINES = 100;

/**
 * Audits what the ledger has got since the last good audit and an hour before, and logs a line for each finding, a
 * hundred at most. Answers how much was due and how much was found. What lies further back is for `belfry verify`.
 */
export function auditLately(databaseUrl: string, log: Logger, stopping: AbortSignal, name = "audit"): Promise<string> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(LONGEST_MS)]);
  return withDatabase({ url: databaseUrl, applicationName: "belfry audit", deadlineMs: DEADLINE_MS }, async (db) => {
    const [jobs, due, findings] = await audit(db, log, await sinceWhen(db, name), signal);
    return `${jobs} jobs, ${due} due, ${findings} findings`;
  });
}

async function sinceWhen(db: Db, name: string): Promise<number> {
  const record = (await readDuties(db)).find((duty) => duty.name === name);
  return record?.doneAt ? record.doneAt.getTime() - OVERLAP_MS : (await databaseNow(db)) - FIRST_MS;
}

async function audit(db: Db, log: Logger, since: number, signal: AbortSignal): Promise<[number, number, number]> {
  let [jobs, due, findings] = [0, 0, 0];
  let workedFrom = performance.now();
  for await (const audit of auditLedger(db, { since })) {
    jobs++;
    due += audit.terms.due;
    for (const finding of audit.findings) if (findings++ < MAX_LINES) logFinding(log, finding);
    findings += audit.omitted;
    const worked = performance.now() - workedFrom;
    if (worked > WORK_MS) {
      await sleep(worked, undefined, { signal }).catch(() => undefined);
      workedFrom = performance.now();
    }
    signal.throwIfAborted();
  }
  if (findings > MAX_LINES) log.error({ findings: findings - MAX_LINES }, "the ledger is wrong in more places");
  return [jobs, due, findings];
}

function logFinding(log: Logger, { message, ...fields }: AuditFinding): void {
  log.error({ ...fields, finding: message }, "the ledger is wrong");
}
