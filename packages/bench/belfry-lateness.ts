import { type BackendKind, openGround, startCluster } from "./cluster.ts";
import { type CpuSeconds, microsecondsEach } from "./cpu.ts";
import { assertLedger, untilAllFinal } from "./finish.ts";
import { plan } from "./plan.ts";
import type { Servers } from "./servers.ts";

/** Milliseconds after the instant at which each occurrence was due. */
export type Lateness = {
  /** Until its execution was claimed: `started_at` in the ledger. */
  claimed: number[];
  /** Until the function's check was called, by the worker's clock. */
  called: number[];
  /** Microseconds of CPU an execution; null where they cannot be known. */
  cpu: CpuSeconds | null;
};

const WARM_UP_MS = 2_000;
/** Each job is due this often: at 1,000 a second there are 10,000 jobs. */
const PERIOD_MS = 10_000;

/** `perSecond` occurrences a second, spread evenly: how late do they start? */
export async function measureLateness(
  servers: Servers,
  kind: BackendKind,
  size: { perSecond: number; seconds: number; workers: number; concurrency: number },
  all: AsyncDisposableStack,
): Promise<Lateness> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const cluster = await startCluster(await openGround(servers, kind, scope), size, scope);

  const jobs = (size.perSecond * PERIOD_MS) / 1000;
  const firstDue = Date.now() + 1_500 + Math.ceil(jobs / 4);
  const measureFrom = firstDue + WARM_UP_MS;
  const until = measureFrom + size.seconds * 1000;
  const planned = Array.from({ length: jobs }, (_, i) => ({
    firstDue: firstDue + Math.floor((i * 1000) / size.perSecond),
    everyMs: PERIOD_MS,
  }));
  await plan(cluster, planned, { measureFrom, until });
  const before = await cluster.cpu();
  await untilAllFinal(cluster, until);
  const after = await cluster.cpu();
  const executions = await assertLedger(cluster, until);

  const { rows } = await cluster.client.query<{ claimed: number; called: number }>(
    `select (extract(epoch from started_at - scheduled_for) * 1000)::float8 as claimed,
       (extract(epoch from (check_phase->>'started_at')::timestamptz - scheduled_for) * 1000)::float8 as called
     from executions join bench_plan using (job_id, scheduled_for) where measured`,
  );
  return {
    claimed: rows.map((row) => row.claimed),
    called: rows.map((row) => row.called),
    cpu: before && after && microsecondsEach(before, after, executions),
  };
}
