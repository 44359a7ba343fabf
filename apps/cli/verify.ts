import { reportAudit } from "@belfry/db/audit-report.ts";
import { type Db, withDatabase } from "@belfry/db/client.ts";
import { lateDuties, lateSince } from "@belfry/db/duties.ts";
import { commonEnv, parseEnv } from "@belfry/service/env.ts";
import { failureLine } from "@belfry/service/failure-line.ts";
import { table } from "./table.ts";

/** Nobody waits for the locks of an audit, and the rows of a large ledger take their time to be counted. */
const DEADLINE_MS = 300_000;

type Report = Awaited<ReturnType<typeof reportAudit>>;
type Finding = Report["findings"][number];

/** `belfry verify`: audits the ledger at DATABASE_URL. Exit code 1 if anything is wrong, or could not be looked at. */
export async function verify({ json = false }: { json?: boolean }): Promise<void> {
  try {
    const report = await audit();
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : inWords(report));
    if (!report.ok) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`belfry verify: ${failureLine(error)}\n`);
    process.exitCode = 1;
  }
}

function audit(): Promise<Report> {
  const { DATABASE_URL: url } = parseEnv({ DATABASE_URL: commonEnv.DATABASE_URL });
  return withDatabase({ url, applicationName: "belfry verify", deadlineMs: DEADLINE_MS }, async (db) => {
    await warnOfDuties(db);
    return reportAudit(db);
  });
}

/** A cluster that does not look after itself is no fault of its ledger: it is told, on standard error. */
async function warnOfDuties(db: Db): Promise<void> {
  for (const duty of await lateDuties(db)) {
    const last = duty.doneAt ? "was last done at" : "was never done since";
    const error = duty.error === null ? "" : `, and failed: ${duty.error}`;
    process.stderr.write(
      `belfry verify: warning: duty ${duty.name} ${last} ${lateSince(duty).toISOString()}${error}\n`,
    );
  }
}

function inWords({ ok, jobs, kept_from, terms, findings, omitted }: Report): string {
  const { due, ...byStatus } = terms;
  const sum = Object.entries(byStatus).map(([status, n]) => `${n} ${status}`);
  const since = kept_from === null ? "" : ` since ${kept_from}`;
  const jobsInWords = `${jobs === 1 ? "1 job" : `${jobs} jobs`}${since}`;
  if (ok) return `belfry verify: all is right: ${jobsInWords}, ${due} due = ${sum.join(" + ")}\n`;
  const rows = [["JOB", "FINDING", "INSTANT", "WHAT"], ...findings.map(row)];
  const more = omitted > 0 ? `and ${omitted} more\n` : "";
  const count = findings.length + omitted;
  return `${table(rows)}${more}belfry verify: ${count} wrong: ${jobsInWords}, ${due} due, ${sum.join(" + ")} in the ledger\n`;
}

function row({ kind, job_id, job_name, execution_id, scheduled_for, scheduled_until, message }: Finding): string[] {
  const several = scheduled_until !== null && scheduled_until !== scheduled_for;
  const instant = several ? `${scheduled_for} … ${scheduled_until}` : (scheduled_for ?? "-");
  const execution = execution_id === null ? "" : ` (execution ${execution_id})`;
  return [`${job_name} (${job_id})`, kind, instant, message + execution];
}
