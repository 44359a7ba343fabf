import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import { countLedger, ledgerProblems } from "./ledger-check.ts";

/** Seldom, since looking costs Postgres something; when the last execution ended is read from the ledger. */
const LOOK_EVERY_MS = 500;
/** Nothing planned takes this long on any machine: something hangs. */
const GIVE_UP_MS = 120_000;

/** Waits until every occurrence before `until` (milliseconds) has its final row. */
export async function untilAllFinal({ client, crashed, warnings }: Cluster, until: number): Promise<void> {
  const giveUpAt = until + GIVE_UP_MS;
  await Promise.race([crashed, sleep(Math.max(0, until - Date.now()))]);
  for (;;) {
    const { rows } = await client.query<{ open: boolean }>(
      `select exists (select from jobs where next_run < to_timestamp($1 / 1000.0))
         or exists (select from executions where status in ('pending', 'running') and scheduled_for < to_timestamp($1 / 1000.0)) as open`,
      [until],
    );
    if (!rows[0]?.open) return;
    if (Date.now() > giveUpAt) throw new Error(["the backlog does not come to an end", ...warnings()].join("\n"));
    await Promise.race([crashed, sleep(LOOK_EVERY_MS)]);
  }
}

/** Throws unless the ledger holds exactly what was planned until then. Returns how many occurrences that are. */
export async function assertLedger({ client, warnings }: Cluster, until: number): Promise<number> {
  const counts = await countLedger(client, until);
  const problems = ledgerProblems(counts);
  if (problems.length > 0) throw new Error(["the ledger is not right:", ...problems, ...warnings()].join("\n  "));
  return counts.recorded;
}
