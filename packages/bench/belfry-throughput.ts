import { type BackendKind, type ClusterSize, openGround, startCluster } from "./cluster.ts";
import { type CpuSeconds, microsecondsEach } from "./cpu.ts";
import { assertLedger, untilAllFinal } from "./finish.ts";
import { plan } from "./plan.ts";
import { type PostgresWork, readPostgresWork } from "./postgres-work.ts";
import type { Servers } from "./servers.ts";
import { TooBusy } from "./too-busy.ts";

export type Throughput = {
  perSecond: number;
  /** How many ended in each quarter of a second after they were due. */
  curve: number[];
  /** Seconds from the moment when all are due to the moment when the first, half and all of them had ended. */
  seconds: { first: number; half: number; all: number };
  /** Microseconds of CPU an execution; null where they cannot be known. */
  cpu: CpuSeconds | null;
  /** What Postgres wrote for an execution: bytes of its log, and transactions. */
  postgres: PostgresWork;
};

export const CURVE_STEP_MS = 250;

/** Jobs are made this fast, roughly; what is due must not be due before it is made. */
const JOBS_PER_MS = 4;
const HOUR_MS = 3_600_000;

/** So many executions due at the same moment, both phases of an empty function: how fast are they done and recorded? */
export async function measureThroughput(
  servers: Servers,
  kind: BackendKind,
  size: ClusterSize & { executions: number },
  all: AsyncDisposableStack,
): Promise<Throughput> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const cluster = await startCluster(await openGround(servers, kind, scope), size, scope);

  let before: CpuSeconds | null = null;
  let after: CpuSeconds | null = null;
  const postgres: PostgresWork = { walBytes: 0, commits: 0 };
  // Once without counting, so that what is compiled at first use is compiled.
  await backlog(Math.ceil(size.executions / 5), false);
  const dueAt = await backlog(size.executions, true);

  const { rows } = await cluster.client.query<{ ms: number }>(
    `select (extract(epoch from completed_at) * 1000 - $1)::float8 as ms
     from executions join bench_plan using (job_id, scheduled_for) where measured order by completed_at`,
    [dueAt],
  );
  const ends = rows.map((row) => row.ms);
  const [first = Number.NaN, half = Number.NaN, last = Number.NaN] = [
    0,
    Math.floor(ends.length / 2),
    ends.length - 1,
  ].map((i) => ends[i]);
  return {
    perSecond: (ends.length / last) * 1000,
    curve: Array.from(
      { length: Math.floor(last / CURVE_STEP_MS) + 1 },
      (_, step) => ends.filter((ms) => Math.floor(ms / CURVE_STEP_MS) === step).length,
    ),
    seconds: { first: first / 1000, half: half / 1000, all: last / 1000 },
    cpu: before && after && microsecondsEach(before, after, size.executions),
    postgres,
  };

  async function backlog(executions: number, measured: boolean): Promise<number> {
    const dueAt = Date.now() + 1_500 + Math.ceil(executions / JOBS_PER_MS);
    const until = dueAt + 1;
    const jobs = Array.from({ length: executions }, () => ({ firstDue: dueAt, everyMs: HOUR_MS }));
    await plan(cluster, jobs, { measureFrom: measured ? dueAt : until, until });
    if (Date.now() > dueAt) throw new TooBusy("belfry");
    before = await cluster.cpu();
    const wrote = await readPostgresWork(cluster.client);
    await untilAllFinal(cluster, until);
    after = await cluster.cpu();
    const written = await readPostgresWork(cluster.client);
    postgres.walBytes = (written.walBytes - wrote.walBytes) / executions;
    postgres.commits = (written.commits - wrote.commits) / executions;
    await assertLedger(cluster, until);
    return dueAt;
  }
}
