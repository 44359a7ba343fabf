import { z } from "zod";
import { instant } from "./text.ts";

/** What an audit of the ledger can find. */
export const AUDIT_FINDINGS = [
  "hole", // was planned, and has no execution
  "unplanned", // an execution of an instant that was never planned
  "duplicate", // an execution of an instant that another one stands for already
  "stuck", // pending or running, and nothing goes on with it
  "overdue", // due for long, and no scheduler has come to it
  "run_count", // the job's count is not that of the ledger
  "max_runs", // more runs than the job may have
  "plan", // the job's next run is not the one that follows from its change history
  "equation", // due = success + failed + cancelled + skipped + running + pending does not hold
] as const;
export type AuditFindingKind = (typeof AUDIT_FINDINGS)[number];

/** The terms of the equation: occurrences, each of a range counted. Manual runs are none. */
export const auditTerms = z.object({
  due: z.int(),
  success: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  skipped: z.int(),
  running: z.int(),
  pending: z.int(),
});
export type AuditTerms = z.infer<typeof auditTerms>;

export const auditFinding = z.object({
  kind: z.enum(AUDIT_FINDINGS),
  job_id: z.uuid(),
  job_name: z.string(),
  account_id: z.uuid(),
  execution_id: z.uuid().nullable(),
  /** The instant that it is about, or the first and the last of several. */
  scheduled_for: instant.nullable(),
  scheduled_until: instant.nullable(),
  /** One sentence for people. */
  message: z.string(),
});
export type AuditFinding = z.infer<typeof auditFinding>;

/** `GET /automation/ledger/audit`. */
export const ledgerAudit = z.object({
  checked_at: instant,
  /** Whether nothing was found. */
  ok: z.boolean(),
  jobs: z.int(),
  /** Occurrences before this instant have expired and are not looked at; null while the ledger is whole. */
  kept_from: instant.nullable(),
  terms: auditTerms,
  findings: z.array(auditFinding),
  /** Findings that are not listed, since there are so many. */
  omitted: z.int(),
});
export type LedgerAudit = z.infer<typeof ledgerAudit>;
