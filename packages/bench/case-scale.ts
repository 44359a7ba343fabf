import { lockDueJobs } from "@belfry/db/due-jobs.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { lateOf } from "./belfry-lateness.ts";
import type { BenchCase, CaseTools } from "./case.ts";
import { distribution } from "./case-lateness.ts";
import { type Cluster, openGround, startCluster } from "./cluster.ts";
import { cpuSamples } from "./cpu-samples.ts";
import { type Sample, samplesOf } from "./measurements.ts";
import { bytesOfProcess, bytesOfRedis } from "./memory.ts";
import { percentile } from "./percentiles.ts";
import { writePlan } from "./plan.ts";
import { ask, startApi } from "./start-api.ts";
import { figure } from "./table.ts";
import { unlessTooBusy } from "./too-busy.ts";

const NAME = "scale";
/** Occurrences due a second, however many jobs there are. */
const PER_SECOND = 1_000;
const SHORTEST_PERIOD_MS = 10_000;
const WARM_UP_MS = 2_000;
const HOUR_MS = 3_600_000;
/** As many jobs as one call takes, and calls at the same time: while Postgres writes one, the API plans the other. */
const JOBS_A_CALL = 10_000;
const CALLS_AT_ONCE = 2;
/** Jobs that are due soon are made this fast, roughly; none must be due before it is made. */
const JOBS_PER_MS = 3;
const LOCK_PROBES = 200;

export const subjectOf = (jobs: number): string => `belfry with ${jobs.toLocaleString("en-US")} jobs`;

/** The same load among more and more jobs that are not due: does it cost more? Also how fast a bulk create makes them. */
export const scale: BenchCase = async (tools) => {
  const samples: Sample[] = [];
  const [smallest = 0] = tools.options.scale;
  // Of few jobs no more can be due without each of them being due all the time.
  const perSecond = Math.min(PER_SECOND, smallest / (SHORTEST_PERIOD_MS / 1000));
  for (const jobs of tools.options.scale) {
    const beside = jobs === smallest ? [] : [subjectOf(smallest)];
    samples.push(...(await unlessTooBusy(() => measureScale({ jobs, perSecond }, beside, tools), tools.note)));
  }
  return samples;
};

async function measureScale(
  { jobs, perSecond }: { jobs: number; perSecond: number },
  beside: readonly string[],
  { servers, options, all, note }: CaseTools,
): Promise<Sample[]> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const ground = await openGround(servers, "redis", scope);
  const cluster = await startCluster(ground, options, scope);
  const api = await startApi(ground, scope);
  const subject = subjectOf(jobs);

  const everyMs = (jobs / perSecond) * 1000;
  const windowMs = WARM_UP_MS + options.latenessSeconds * 1000;
  const due = Math.min(jobs, Math.ceil((perSecond * windowMs) / 1000));
  const spread = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => from + Math.floor((i * 1000) / perSecond));

  // First those whose turn comes long after, then those that are due while we look.
  const later = await create(api, cluster, everyMs, spread(Date.now() + HOUR_MS, jobs - due));
  // What Postgres would begin by itself within a minute, in the middle of the measurement.
  await cluster.client.query("vacuum (analyze) jobs, job_changes");
  await cluster.client.query("checkpoint").catch(() => undefined);
  const begin = Date.now() + 3_000 + Math.ceil(due / JOBS_PER_MS);
  const firstDue = spread(begin, due);
  const soon = await create(api, cluster, everyMs, firstDue);
  const createdPerSecond = (jobs / (later.ms + soon.ms)) * 1000;
  const measureFrom = begin + WARM_UP_MS;
  const until = begin + windowMs;
  const planned = soon.ids.map((id, i) => ({ id, firstDue: firstDue[i] ?? 0, everyMs }));
  await writePlan(cluster.client, planned, { measureFrom, until });

  const late = await lateOf(cluster, { measureFrom, until });
  const schedulerMb = bytesOfProcess(cluster.pids.scheduler) / 1e6;
  const redisMb = (await bytesOfRedis(servers.redisUrl)) / 1e6;
  const { rows } = await cluster.client.query<{ due: number; all: number }>(
    "select pg_relation_size('jobs_due')::float8 as due, pg_indexes_size('jobs')::float8 as all",
  );
  const lockMs = await timeLocks(cluster);
  note(
    `${NAME}, ${subject}: created ${figure(createdPerSecond)}/s, check begins p50 ${figure(percentile(late.called, 50))} ` +
      `p99 ${figure(percentile(late.called, 99))} ms, scheduler ${figure(schedulerMb)} MB, ledger of ${late.called.length} checked`,
  );
  const claims = late.claimed.map((ms, i) => ms - (late.recorded[i] ?? 0));
  const sample = samplesOf(NAME, subject);
  return [
    ...sample("jobs created by bulk calls", "1/s", createdPerSecond, ...beside),
    ...distribution(NAME, subject, late.called, ...beside),
    ...sample("p99 until recorded", "ms", percentile(late.recorded, 99), ...beside),
    ...sample("p99 from record to claim", "ms", percentile(claims, 99), ...beside),
    ...sample("p50 of finding and locking due jobs", "ms", percentile(lockMs, 50), ...beside),
    ...sample("p99 of finding and locking due jobs", "ms", percentile(lockMs, 99), ...beside),
    ...cpuSamples(NAME, subject, late.cpu),
    ...sample("memory of the scheduler", "MB", schedulerMb, ...beside),
    ...sample("memory of redis", "MB", redisMb, ...beside),
    ...sample("index of what is due", "MB", (rows[0]?.due ?? 0) / 1e6, ...beside),
    ...sample("indexes of jobs", "MB", (rows[0]?.all ?? 0) / 1e6, ...beside),
  ];
}

type Api = Awaited<ReturnType<typeof startApi>>;

/** Makes one job for each first instant through the API. Answers with their ids, in the same order, and how long it took. */
async function create(
  api: Api,
  { functionId }: Cluster,
  everyMs: number,
  firstDue: readonly number[],
): Promise<{ ids: string[]; ms: number }> {
  const startedAt = performance.now();
  const ids: string[] = [];
  let next = 0;
  const caller = async () => {
    while (next < firstDue.length) {
      const start = next;
      next += JOBS_A_CALL;
      const jobs = firstDue.slice(start, next).map((first) => ({
        name: `job ${first} ${Math.random()}`,
        function_id: functionId,
        schedule: { type: "interval", value: `${everyMs}ms`, start: new Date(first).toISOString() },
      }));
      const made = await ask<{ jobs: { id: string }[] }>(api, "/automation/jobs:bulk", { jobs });
      for (const [i, { id }] of made.jobs.entries()) ids[start + i] = id;
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, caller));
  return { ids, ms: performance.now() - startedAt };
}

/** How long the statement takes that begins a sweep, when nothing or little is due. Milliseconds. */
async function timeLocks({ db }: Cluster): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < LOCK_PROBES; i++) {
    await inTransaction(db, async (tx) => {
      const startedAt = performance.now();
      await lockDueJobs(tx, 1_000);
      times.push(performance.now() - startedAt);
    });
  }
  return times;
}
