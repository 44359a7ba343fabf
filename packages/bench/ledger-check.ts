import type pg from "pg";

/** What the ledger says about the occurrences that were planned. */
export type LedgerCounts = {
  planned: number;
  /** Rows of planned occurrences. */
  recorded: number;
  /** Planned occurrences without a row. */
  missing: number;
  /** Rows of the same occurrence beyond the first. */
  duplicates: number;
  /** Rows of instants that were not planned. */
  unplanned: number;
  /** Rows that are not `success`. */
  unsuccessful: number;
  /** Rows in which a phase is not recorded. */
  withoutPhases: number;
  /** Rows that took more than one attempt. */
  repeated: number;
};

/**
 * What is wrong with the ledger, one line each; empty if every planned occurrence was performed once and recorded
 * once. A figure whose ledger is wrong is no figure.
 */
export function ledgerProblems(counts: LedgerCounts): string[] {
  const { planned, recorded, ...wrong } = counts;
  const problems = Object.entries(wrong)
    .filter(([, n]) => n !== 0)
    .map(([what, n]) => `${n} ${WORDS[what as keyof typeof wrong]}`);
  if (planned === 0) problems.push("nothing was planned");
  if (problems.length === 0 && planned !== recorded) problems.push(`${planned} planned, ${recorded} recorded`);
  return problems;
}

const WORDS = {
  missing: "planned occurrences without a record",
  duplicates: "occurrences recorded more than once",
  unplanned: "records of occurrences that were not planned",
  unsuccessful: "executions that are not successful",
  withoutPhases: "executions without the record of both phases",
  repeated: "executions that took more than one attempt",
};

/** What ought to be in the ledger; `measured` tells what counts from what only warms up. */
export async function createPlanTable(client: pg.Client): Promise<void> {
  await client.query(
    "create table if not exists bench_plan (job_id uuid, scheduled_for timestamptz(3), measured boolean)",
  );
}

/** Compares the ledger with the plan, as far as it goes: `until` is the end of the plan, in milliseconds. */
export async function countLedger(client: pg.Client, until: number): Promise<LedgerCounts> {
  const { rows } = await client.query<Record<keyof LedgerCounts, number>>(
    `select
       (count(*) filter (where p.job_id is not null))::int as planned,
       (count(*) filter (where p.job_id is not null and e.id is not null))::int as recorded,
       (count(*) filter (where e.id is null))::int as missing,
       (count(e.id) - count(distinct (e.job_id, e.scheduled_for)) filter (where e.id is not null))::int as duplicates,
       (count(*) filter (where p.job_id is null))::int as unplanned,
       (count(*) filter (where e.status <> 'success'))::int as unsuccessful,
       (count(*) filter (where e.check_phase is null or e.perform_phase is null) - count(*) filter (where e.id is null))::int
         as "withoutPhases",
       (count(*) filter (where e.attempt > 1))::int as repeated
     from bench_plan p
     full join (select * from executions where scheduled_for < to_timestamp($1 / 1000.0)) e
       on e.job_id = p.job_id and e.scheduled_for = p.scheduled_for`,
    [until],
  );
  return rows[0] as LedgerCounts;
}
