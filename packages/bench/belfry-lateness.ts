import { type BackendKind, type Cluster, openGround, startCluster } from "./cluster.ts";
import { type CpuSeconds, microsecondsEach } from "./cpu.ts";
import { assertLedger, untilAllFinal } from "./finish.ts";
import { type PlannedJob, plan } from "./plan.ts";
import type { Servers } from "./servers.ts";
import { TooBusy } from "./too-busy.ts";

/** Milliseconds after the instant at which each occurrence was due. */
export type Lateness = {
  /** Until its row was written: when the sweep that wrote it began its transaction. */
  recorded: number[];
  /** Until its execution was claimed: `started_at` in the ledger. */
  claimed: number[];
  /** Until the function's check began, by the worker's clock. */
  called: number[];
  /** Until the verdict was in the ledger. */
  completed: number[];
  /** Microseconds of CPU an execution; null where they cannot be known. */
  cpu: CpuSeconds | null;
};

/** Occurrences spread evenly over time, or all of them due at the same instant. */
export type Load = { perSecond: number; seconds: number } | { atOnce: number };

const WARM_UP_MS = 2_000;
/** Each job is due this often: at 1,000 a second there are 10,000 jobs. */
const PERIOD_MS = 10_000;
const HOUR_MS = 3_600_000;
/** Jobs are made this fast, roughly; what is due must not be due before it is made. */
const JOBS_PER_MS = 4;

/** How late are occurrences that are due like this? */
export async function measureLateness(
  servers: Servers,
  kind: BackendKind,
  size: { load: Load; workers: number; concurrency: number },
  all: AsyncDisposableStack,
): Promise<Lateness> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const cluster = await startCluster(await openGround(servers, kind, scope), size, scope);
  const { jobs, measureFrom, until } = jobsOf(size.load, Date.now());
  await plan(cluster, jobs, { measureFrom, until });
  // Awaited here: the cluster ends with this function.
  return await lateOf(cluster, { measureFrom, until });
}

function jobsOf(load: Load, now: number): { jobs: PlannedJob[]; measureFrom: number; until: number } {
  if ("atOnce" in load) {
    const dueAt = now + 3_000 + Math.ceil(load.atOnce / JOBS_PER_MS);
    // What warms up is due before, once for each hundred that count.
    const warmUp = Array.from({ length: Math.ceil(load.atOnce / 100) }, (_, i) => dueAt - 1_500 + (i % 500));
    const instants = [...warmUp, ...Array.from({ length: load.atOnce }, () => dueAt)];
    const jobs = instants.map((firstDue) => ({ firstDue, everyMs: HOUR_MS }));
    return { jobs, measureFrom: dueAt, until: dueAt + 1 };
  }
  const count = Math.max(1, (load.perSecond * PERIOD_MS) / 1000);
  const firstDue = now + 1_500 + Math.ceil(count / JOBS_PER_MS);
  const measureFrom = firstDue + WARM_UP_MS;
  // A job that has an idle cluster to itself is due each second.
  const everyMs = load.perSecond < 1 ? 1_000 : PERIOD_MS;
  const jobs = Array.from({ length: count }, (_, i) => ({
    firstDue: firstDue + Math.floor((i * 1000) / load.perSecond),
    everyMs,
  }));
  return { jobs, measureFrom, until: measureFrom + load.seconds * 1000 };
}

/** Waits until what was planned is over, checks the ledger and reads from it how late everything was. */
export async function lateOf(
  cluster: Cluster,
  { measureFrom, until }: { measureFrom: number; until: number },
): Promise<Lateness> {
  if (Date.now() > measureFrom) throw new TooBusy("belfry");
  const before = await cluster.cpu();
  await untilAllFinal(cluster, until);
  const after = await cluster.cpu();
  const executions = await assertLedger(cluster, until);
  const { rows } = await cluster.client.query<Record<"recorded" | "claimed" | "called" | "completed", number>>(
    `select (extract(epoch from created_at - scheduled_for) * 1000)::float8 as recorded,
       (extract(epoch from started_at - scheduled_for) * 1000)::float8 as claimed,
       (extract(epoch from (check_phase->>'started_at')::timestamptz - scheduled_for) * 1000)::float8 as called,
       (extract(epoch from completed_at - scheduled_for) * 1000)::float8 as completed
     from executions join bench_plan using (job_id, scheduled_for) where measured`,
  );
  return {
    recorded: rows.map((row) => row.recorded),
    claimed: rows.map((row) => row.claimed),
    called: rows.map((row) => row.called),
    completed: rows.map((row) => row.completed),
    cpu: before && after && microsecondsEach(before, after, executions),
  };
}
