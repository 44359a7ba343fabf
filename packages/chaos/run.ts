import { appendFileSync, closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { check, type Verdict } from "./check.ts";
import { type Client, createClient } from "./client.ts";
import { type ClusterWanted, startCluster } from "./cluster.ts";
import { readEffects, readLedger } from "./collect.ts";
import type { FaultRecord, History } from "./history.ts";
import { createNemesis, type Nemesis, type Reach } from "./nemesis.ts";
import type { PlannedCall } from "./plan-calls.ts";
import type { Fault } from "./plan-faults.ts";
import type { PostgresServer } from "./postgres-server.ts";

/** A job with this schedule plans nothing more, and what it has open goes on to its end. */
const FAR_FUTURE = "2099-01-01T00:00:00Z";
/**
 * The longest that anything may take once nothing hurts any more: five attempts that time out, lost ones between, and
 * messages that died with their worker, for which the next ones come after 10, 20, 40 and 60 s.
 */
const QUIET_WITHIN_MS = 200_000;
const RECOVERY_MS = 12_000;
const CALLS_AT_ONCE = 20;
const LINES_AT_ONCE = 1_000;

/** What is done to which cluster. */
export type RunWanted = ClusterWanted & {
  minutes: number;
  faults: readonly Fault[];
  calls: readonly PlannedCall[];
  /** For what was hurt last to settle, in milliseconds. */
  recoveryMs?: number;
  /** How long to wait for open executions at most, in milliseconds. */
  quietWithinMs?: number;
};

export type RunResult = { history: History; verdict: Verdict; reach: Reach; quietAfterMs: number | null };

/** One run on one backend, in a folder of its own. */
export async function run(
  folder: string,
  { minutes, faults, calls, recoveryMs = RECOVERY_MS, quietWithinMs = QUIET_WITHIN_MS, ...cluster }: RunWanted,
  note: (line: string) => void,
): Promise<RunResult> {
  await using scope = new AsyncDisposableStack();
  const logTo = (file: string) => (line: object) => appendFileSync(join(folder, file), `${JSON.stringify(line)}\n`);
  const { victims, apiUrl, key, functionIds, effectsFile } = await startCluster(folder, cluster, scope);
  const nemesis = createNemesis(victims, logTo("faults.jsonl"));
  const startedAt = Date.now();
  const client = createClient({ apiUrl, key, functionIds, startedAt, log: logTo("calls.jsonl") });
  note(`${faults.length} faults and ${calls.length} calls in ${Math.round(minutes * 60)} s`);

  const [records] = await Promise.all([
    Promise.all(faults.map((fault) => inflictAt(startedAt, fault, nemesis))),
    makeCalls(startedAt, calls, client),
    sleep(minutes * 60_000),
  ]);
  await nemesis.heal();
  note("healed, waiting for quiet");
  await client.idle();
  await sleep(recoveryMs);
  await endPlans(client, victims.postgres);
  const quietAfterMs = await waitForQuiet(victims.postgres, quietWithinMs);
  note(`${quietAfterMs === null ? "never quiet" : `quiet after ${Math.round(quietAfterMs / 1000)} s`}, checking`);

  const history: History = {
    calls: client.records,
    ...(await readLedger(victims.postgres)),
    effects: readEffects(effectsFile),
    faults: records,
    exits: victims.workers.flatMap(({ name, exits }) => exits().map((at) => ({ name, at }))),
    crashes: [...victims.postgres.crashes()],
    endedAt: Date.now(),
  };
  writeHistory(join(folder, "history.json"), history);
  return { history, verdict: check(history), reach: nemesis.reach, quietAfterMs };
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
  const left = client.records.filter(({ call, answer }) => call.op === "create" && planned.has(answer?.id ?? ""));
  // Some hundred calls at once would have to wait for each other longer than a call may take.
  while (left.length > 0) {
    for (const { job } of left.splice(0, CALLS_AT_ONCE))
      client.make({ at: 0, job, call: { op: "patch", patch: { schedule: FAR_FUTURE } } });
    await client.idle();
  }
}

/** As JSON, a line for each thing, since all of it in one text may be more than a text can hold. */
function writeHistory(file: string, history: History): void {
  const fd = openSync(file, "w");
  try {
    let separator = "{";
    for (const [name, value] of Object.entries(history)) {
      writeSync(fd, `${separator}${JSON.stringify(name)}:`);
      if (Array.isArray(value)) writeLines(fd, value);
      else writeSync(fd, JSON.stringify(value));
      separator = ",\n";
    }
    writeSync(fd, "}\n");
  } finally {
    closeSync(fd);
  }
}

function writeLines(fd: number, things: readonly unknown[]): void {
  writeSync(fd, "[");
  for (let i = 0; i < things.length; i += LINES_AT_ONCE) {
    const lines = things.slice(i, i + LINES_AT_ONCE).map((thing) => JSON.stringify(thing));
    writeSync(fd, `${i === 0 ? "" : ","}\n${lines.join(",\n")}`);
  }
  writeSync(fd, "]");
}

/** Resolves with the milliseconds it took until nothing was open or about to settle; null if that took too long. */
async function waitForQuiet(postgres: PostgresServer, withinMs: number): Promise<number | null> {
  const begun = performance.now();
  while (performance.now() - begun < withinMs) {
    const [busy] = await postgres.query<{ n: number }>(`
      select (select count(*) from executions where status in ('pending', 'running'))::int
        + (select count(*) from jobs where status = 'active' and enabled and next_run is null)::int as n`);
    if (busy?.n === 0) return performance.now() - begun;
    await sleep(500);
  }
  return null;
}
