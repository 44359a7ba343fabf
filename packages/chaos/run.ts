import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./check.ts";
import { type Client, createClient } from "./client.ts";
import { startCluster } from "./cluster.ts";
import { readEffects, readLedger } from "./collect.ts";
import type { FaultRecord, History } from "./history.ts";
import { createNemesis, type Nemesis } from "./nemesis.ts";
import type { Options } from "./options.ts";
import { type PlannedCall, planCalls } from "./plan-calls.ts";
import { type Backend, type Fault, planFaults } from "./plan-faults.ts";
import type { PostgresServer } from "./postgres-server.ts";
import { report } from "./report.ts";

/** A job with this schedule plans nothing more, and what it has open goes on to its end. */
const FAR_FUTURE = "2099-01-01T00:00:00Z";
/** The longest that anything of the plan may take once nothing hurts any more: five attempts that time out, and lost ones between. */
const QUIET_WITHIN_MS = 120_000;
const RECOVERY_MS = 12_000;

/** One run on one backend, in a folder of its own. True if nothing was violated. */
export async function run(
  folder: string,
  backend: Backend,
  options: Options,
  note: (line: string) => void,
): Promise<boolean> {
  await using scope = new AsyncDisposableStack();
  const logTo = (file: string) => (line: object) => appendFileSync(join(folder, file), `${JSON.stringify(line)}\n`);
  const { victims, apiUrl, key, functionIds, effectsFile } = await startCluster(folder, backend, options, scope);
  const nemesis = createNemesis(victims, logTo("faults.jsonl"));
  const startedAt = Date.now();
  const client = createClient({ apiUrl, key, functionIds, startedAt, log: logTo("calls.jsonl") });
  const faults = planFaults(options.seed, options.minutes, {
    backend,
    hasFaketime: victims.faketime !== null,
    only: options.only,
  });
  const calls = planCalls(options.seed, options.minutes, options.rate);
  note(
    `${backend}: ${faults.length} faults and ${calls.length} calls in ${options.minutes} minutes${victims.faketime ? "" : "; no clock jumps, libfaketime is not installed"}`,
  );

  const [records] = await Promise.all([
    Promise.all(faults.map((fault) => inflictAt(startedAt, fault, nemesis))),
    makeCalls(startedAt, calls, client),
    sleep(options.minutes * 60_000),
  ]);
  await nemesis.heal();
  note(`${backend}: healed, waiting for quiet`);
  await client.idle();
  await sleep(RECOVERY_MS);
  await endPlans(client, victims.postgres);
  const quietAfter = await waitForQuiet(victims.postgres);
  note(
    `${backend}: ${quietAfter === null ? "never quiet" : `quiet after ${Math.round(quietAfter / 1000)} s`}, checking`,
  );

  const ledger = await readLedger(victims.postgres);
  const effects = readEffects(effectsFile);
  const history: History = { calls: client.records, ...ledger, effects, endedAt: Date.now() };
  writeFileSync(join(folder, "history.json"), JSON.stringify({ history, faults: records, reach: nemesis.reach }));
  const verdict = check(history);
  console.log(report(history, records, verdict, nemesis.reach));
  return verdict.violations.length === 0;
}

async function inflictAt(startedAt: number, fault: Fault, nemesis: Nemesis): Promise<FaultRecord> {
  await sleep(startedAt + fault.at - Date.now());
  return nemesis.inflict(fault);
}

async function makeCalls(startedAt: number, calls: readonly PlannedCall[], client: Client): Promise<void> {
  for (const call of calls) {
    await sleep(Math.max(0, startedAt + call.at - Date.now()));
    client.make(call);
  }
}

/** Gives each job that is still planned a schedule that is far away. */
async function endPlans(client: Client, postgres: PostgresServer): Promise<void> {
  const rows = await postgres.query<{ id: string }>("select id from jobs where status = 'active' and enabled");
  const planned = new Set(rows.map(({ id }) => id));
  for (const record of [...client.records]) {
    if (record.call.op !== "create" || record.answer === null || !planned.has(record.answer.id)) continue;
    client.make({ at: 0, job: record.job, call: { op: "patch", patch: { schedule: FAR_FUTURE } } });
  }
  await client.idle();
}

/** Resolves with the milliseconds it took until nothing was open or about to settle; null if that took too long. */
async function waitForQuiet(postgres: PostgresServer): Promise<number | null> {
  const begun = performance.now();
  while (performance.now() - begun < QUIET_WITHIN_MS) {
    const [busy] = await postgres.query<{ n: number }>(`
      select (select count(*) from executions where status in ('pending', 'running'))::int
        + (select count(*) from jobs where status = 'active' and enabled and next_run is null)::int as n`);
    if (busy?.n === 0) return performance.now() - begun;
    await sleep(500);
  }
  return null;
}
