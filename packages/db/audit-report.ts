import type { AuditTerms, LedgerAudit } from "@belfry/contract/audit.ts";
import { type AuditOptions, auditLedger } from "./audit.ts";
import { type Db, databaseNow } from "./client.ts";
import { readFloor } from "./retention.ts";

/** More nobody reads; how many there are besides is said. */
const MAX_FINDINGS = 1_000;

/** A whole audit in one answer. Stops before the next jobs when `isWanted` says no: then it is of no worth. */
export async function reportAudit(
  db: Db,
  options: AuditOptions = {},
  isWanted: () => boolean = () => true,
): Promise<LedgerAudit> {
  const checkedAt = await databaseNow(db);
  const floor = await readFloor(db);
  const terms: AuditTerms = { due: 0, success: 0, failed: 0, cancelled: 0, skipped: 0, running: 0, pending: 0 };
  const report: LedgerAudit = {
    checked_at: new Date(checkedAt).toISOString(),
    ok: true,
    jobs: 0,
    kept_from: floor && new Date(floor.keptFrom).toISOString(),
    terms,
    findings: [],
    omitted: 0,
  };
  for await (const audit of auditLedger(db, options)) {
    report.jobs++;
    for (const term of Object.keys(terms) as (keyof AuditTerms)[]) terms[term] += audit.terms[term];
    const room = MAX_FINDINGS - report.findings.length;
    report.findings.push(...audit.findings.slice(0, room));
    report.omitted += audit.omitted + Math.max(0, audit.findings.length - room);
    if (!isWanted()) break;
  }
  report.ok = report.findings.length === 0;
  return report;
}
