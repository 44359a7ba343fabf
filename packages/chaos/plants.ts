// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of sources.
import type { Traffic } from "./plan-calls.ts";
import type { Backend, Fault, FaultKind } from "./plan-faults.ts";

/** A piece of the sources and what stands there instead. It has to occur exactly once. */
export type Change = { file: string; find: string; replace: string };

/** A bug that is planted in a copy of the sources, and a short run in which it shows. */
export type Plant = {
  name: string;
  /** What it breaks. */
  breaks: string;
  /** The rules of which at least one has to be violated. */
  reveals: readonly string[];
  changes: readonly Change[];
  /** Done to the database as well. */
  sql?: string;
  /** The only process that has the bug, as while versions change one by one; all have it unless told otherwise. */
  only?: string;
  /** Where it can show; on both unless told otherwise. */
  backends?: readonly Backend[];
  seconds: number;
  /** Occurrences due each second. */
  rate?: number;
  traffic: Traffic;
  faults: readonly Fault[];
};

/** A fault at a second of the run, for so many seconds. `index` 1 to 3 of a connection is that of a scheduler, 4 to 6 of a worker. */
const hurt = (kind: FaultKind, at: number, seconds = 0, index = 0): Fault => ({
  at: at * 1_000,
  kind,
  index,
  durationMs: seconds * 1_000,
});

const onEach = (kind: FaultKind, indexes: readonly number[], at: number, seconds: number): Fault[] =>
  indexes.map((index) => hurt(kind, at, seconds, index));
const SCHEDULERS = [1, 2, 3];
const WORKERS = [4, 5, 6];

/** Messages that come twice: of a Redis that was only slow, and of workers that came back after ten seconds. */
const TWICE = [hurt("redis-freeze", 5, 4), hurt("workers-freeze", 11, 12)];

const STOPS = { pause: 4, disable: 2, delete: 1, run: 2 };
const ALLOW = { policy: "allow", max_instances: 1, max_queued: 1 } as const;
const AT_ONCE = { attempts: 5, backoff_ms: 0, max_backoff_ms: 0, jitter: 0 };
const EVERY_SECOND = ["@every 1s", "* * * * * *", "@every 2s"];

export const PLANTS: readonly Plant[] = [
  {
    name: "no-unique-key",
    breaks: "the ledger has no unique key of occurrences, and sweeps do not lock the jobs that they take",
    reveals: ["duplicate"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "    on conflict do nothing\n",
        replace: "",
      },
      {
        file: "packages/db/due-jobs.ts",
        find: "    order by next_run\n    limit ${atMost(limit)}\n    for no key update skip locked`",
        replace: "    order by next_run\n    limit ${atMost(limit)}`",
      },
    ],
    sql: `
      do $$
        declare key regclass;
        begin
          for key in
            select i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indrelid
            where c.relname like 'executions%' and i.indisunique and not i.indisprimary
              and (select count(*) from pg_attribute a where a.attrelid = c.oid and a.attnum = any(i.indkey)
                and a.attname in ('job_id', 'scheduled_for', 'trigger')) = 3
              and not exists (select from pg_inherits where inhrelid = i.indexrelid)
          loop
            execute format('drop index %s', key);
          end loop;
        end $$`,
    seconds: 15,
    traffic: { schedules: EVERY_SECOND },
    faults: [],
  },
  {
    name: "claim-of-anything",
    breaks: "a claim takes rows that are running or final as well",
    reveals: ["final changed", "effect twice"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "and e.attempt = w.attempt and ${opaque(sql`e.status = 'pending'`)} and not e.held and e.available_at <= now()",
        replace: "and e.attempt = w.attempt and not e.held",
      },
      {
        file: "packages/db/executions.ts",
        find: "set status = 'running', worker = ${worker}, started_at = now()",
        replace:
          "set status = 'running', worker = ${worker}, started_at = now(), completed_at = null, skip_reason = null",
      },
    ],
    seconds: 26,
    traffic: { schedules: EVERY_SECOND },
    faults: TWICE,
  },
  {
    name: "attempt-of-the-message",
    breaks: "a claim does not compare the attempt, and takes the message's word for it",
    reveals: ["effect twice", "attempts", "ghost"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "and e.attempt = w.attempt and ${opaque(sql`e.status = 'pending'`)} and not e.held",
        replace: "and ${opaque(sql`e.status = 'pending'`)} and not e.held",
      },
      {
        file: "packages/db/executions.ts",
        find: 'returning e.id as "executionId", e.attempt, e.job_id as "jobId", j.name',
        replace: 'returning e.id as "executionId", w.attempt, e.job_id as "jobId", j.name',
      },
    ],
    seconds: 28,
    traffic: { functions: ["failing"], schedules: EVERY_SECOND, wish: { retry: AT_ONCE, overlap: ALLOW } },
    faults: TWICE,
  },
  {
    name: "verdict-of-anybody",
    breaks: "a verdict is written without the claim: also by a worker that had lost it",
    reveals: ["final changed", "success without effect", "attempts"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "and e.attempt = v.attempt and ${opaque(sql`e.worker = ${worker} and e.status = 'running'`)}\n",
        replace: "and ${worker} = ${worker}\n",
      },
    ],
    seconds: 34,
    rate: 50,
    traffic: { functions: ["slow"], schedules: EVERY_SECOND, wish: { overlap: ALLOW, delivery: "at_least_once" } },
    faults: [hurt("worker-freeze", 6, 10, 0), hurt("worker-freeze", 18, 10, 1)],
  },
  {
    name: "message-ids-again",
    breaks: "an execution has one message id for ever, and the queue keeps what it has dealt with",
    reveals: ["not final"],
    changes: [
      {
        file: "packages/queue/publisher.ts",
        find: "jobId: `${executionId}-${attempt}-${dispatch % 2}`",
        replace: "jobId: `x-${executionId}`",
      },
      {
        file: "packages/queue/publisher.ts",
        find: "removeOnComplete: true,\n        removeOnFail: true,",
        replace: "removeOnComplete: false,\n        removeOnFail: false,",
      },
      {
        file: "packages/queue/consumer.ts",
        find: "removeOnComplete: { count: 0 },\n      removeOnFail: { count: 0 },",
        replace: "",
      },
    ],
    seconds: 12,
    traffic: { functions: ["failing"], schedules: EVERY_SECOND, wish: { retry: AT_ONCE } },
    faults: [],
  },
  {
    name: "publish-before-commit",
    breaks: "the sweep publishes inside its transaction, before it commits",
    reveals: ["late"],
    changes: [
      {
        file: "apps/scheduler/claim-due.ts",
        find: "export async function claimDue(db: Db, batch: number): Promise",
        replace:
          "export async function claimDue(db: Db, batch: number, early: (d: Dispatch[]) => Promise<unknown>): Promise",
      },
      {
        file: "apps/scheduler/claim-due.ts",
        find: "    return recordDue(tx, jobs, now, { callerPublishes: true });",
        replace:
          "    const done = await recordDue(tx, jobs, now, { callerPublishes: true });\n    await early(done.dispatches);\n    await new Promise((resolve) => setTimeout(resolve, 50));\n    return done;",
      },
      {
        file: "apps/scheduler/loops.ts",
        find: "claimDue(db, SWEEP_BATCH);\n        await publishInBackground(dispatches);",
        replace: "claimDue(db, SWEEP_BATCH, (early) => publish(tools, early));\n        void dispatches;",
      },
    ],
    seconds: 24,
    traffic: { functions: ["fast", "nocheck"], schedules: EVERY_SECOND, wish: { overlap: ALLOW } },
    faults: [],
  },
  {
    name: "outbox-forgets",
    breaks: "what was published once is never published again",
    reveals: ["not final"],
    changes: [
      {
        file: "packages/db/outbox.ts",
        find: "where e.status = 'pending' and not e.held and e.publish_at <= now()\n      order by",
        replace:
          "where e.status = 'pending' and not e.held and e.publish_at <= now() and e.dispatch = 0\n      order by",
      },
    ],
    seconds: 16,
    traffic: { schedules: EVERY_SECOND },
    faults: [
      hurt("redis-flush-full", 5, 2),
      ...onEach("postgres-cut", WORKERS, 9, 1),
      ...onEach("postgres-cut", WORKERS, 12, 1),
    ],
  },
  {
    name: "publish-without-deadline",
    breaks: "publishing waits for ever for a Redis that does not answer",
    reveals: ["lost", "not final"],
    changes: [
      {
        file: "packages/queue/publisher.ts",
        find: 'await withDeadline("publishing", PUBLISH_DEADLINE_MS, addAll(queues.queue(pool), publications));',
        replace: "await addAll(queues.queue(pool), publications);",
      },
      {
        file: "packages/queue/backend.ts",
        find: "      commandTimeout: 2_000,\n      socketTimeout: SILENT_MS.publishing,\n",
        replace: "",
      },
    ],
    backends: ["redis"],
    seconds: 20,
    traffic: { schedules: EVERY_SECOND },
    faults: onEach("redis-half-open", SCHEDULERS, 6, 4),
  },
  {
    name: "consume-without-deadline",
    breaks: "a worker waits for ever for a Redis that does not answer",
    reveals: ["not final"],
    changes: [{ file: "packages/queue/backend.ts", find: "      socketTimeout: SILENT_MS.consuming,\n", replace: "" }],
    backends: ["redis"],
    seconds: 20,
    traffic: { schedules: EVERY_SECOND },
    faults: onEach("redis-half-open", WORKERS, 6, 4),
  },
  {
    name: "query-without-deadline",
    breaks: "a query waits for ever on a connection that is half open",
    reveals: ["lost", "not final"],
    changes: [{ file: "packages/db/client.ts", find: "    query_timeout: deadlineMs,\n", replace: "" }],
    seconds: 24,
    traffic: { schedules: EVERY_SECOND },
    faults: onEach("postgres-half-open", SCHEDULERS, 6, 4),
  },
  {
    name: "commits-unsynced",
    breaks: "commits are acknowledged before they are on the disk",
    reveals: ["effect twice", "ghost", "write lost", "lost", "duplicate", "unexplained double", "attempts"],
    changes: [
      {
        file: "packages/db/client.ts",
        find: "-c timezone=UTC -c synchronous_commit=on",
        replace: "-c timezone=UTC -c synchronous_commit=off",
      },
      {
        file: "packages/db/assert-settings.ts",
        find: 'if (synchronousCommit === "off")',
        replace: "if (false)",
      },
    ],
    seconds: 32,
    rate: 80,
    traffic: { functions: ["fast", "nocheck"], schedules: EVERY_SECOND, wish: { overlap: ALLOW } },
    faults: [6, 12, 18, 24].map((at) => hurt("postgres-immediate", at, 0.2)),
  },
  {
    name: "pause-leaves-pending",
    breaks: "pausing, disabling and deleting leave alone what is pending",
    reveals: ["after stop"],
    changes: [
      { file: "packages/db/jobs.ts", find: '    if (!is) await takeBackPending(tx, jobId, "paused");\n', replace: "" },
    ],
    seconds: 18,
    traffic: { schedules: EVERY_SECOND, callsPerSecond: 6, calls: STOPS },
    faults: [hurt("workers-freeze", 5, 4), hurt("workers-freeze", 12, 4)],
  },
  {
    name: "retry-ignores-pause",
    breaks: "an attempt that fails after the job was paused is followed by another",
    reveals: ["after stop"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "where j.id = (select job_id from executions where id = ${id}) and j.status = 'active' and j.enabled\n      for share",
        replace: "where j.id = (select job_id from executions where id = ${id})",
      },
    ],
    seconds: 24,
    rate: 50,
    traffic: {
      functions: ["hanging"],
      schedules: EVERY_SECOND,
      callsPerSecond: 8,
      calls: STOPS,
      wish: { retry: AT_ONCE, overlap: ALLOW },
    },
    faults: [],
  },
  {
    name: "perform-unasked",
    breaks: "after a long check nobody asks whether the job was paused meanwhile",
    reveals: ["after stop"],
    changes: [
      {
        file: "apps/worker/call-function.ts",
        find: "if (late && !(await ledger.mayPerform(executionId, attempt)))",
        replace: "if (false)",
      },
    ],
    seconds: 18,
    traffic: { functions: ["pondering"], schedules: EVERY_SECOND, callsPerSecond: 6, calls: STOPS },
    faults: [],
  },
  {
    name: "edit-forgets-due",
    breaks: "a change of a job does not write first what was due before it",
    reveals: ["lost"],
    changes: [
      {
        file: "packages/db/jobs.ts",
        find: "for (let sweeps = 0; job?.nextRun && job.nextRun.getTime() <= now; sweeps++)",
        replace: "for (let sweeps = 0; job?.nextRun && job.nextRun.getTime() < 0; sweeps++)",
      },
    ],
    seconds: 18,
    traffic: { schedules: EVERY_SECOND, callsPerSecond: 6, calls: { pause: 3, schedule: 3, disable: 1 } },
    faults: [hurt("schedulers-freeze", 5, 4), hurt("schedulers-freeze", 12, 4)],
  },
  {
    name: "run-key-ignored",
    breaks: "a manual run is made again when the call that asked for it is repeated",
    reveals: ["unasked run"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: '${admitted === "hold"}, ${idempotencyKey})`);',
        replace: '${admitted === "hold"}, ${null})`);',
      },
    ],
    seconds: 16,
    rate: 20,
    traffic: { callsPerSecond: 8, calls: { run: 1 }, wish: { max_runs: 0, overlap: ALLOW } },
    faults: [hurt("api-replies-cut", 5, 3), hurt("api-replies-cut", 10, 3)],
  },
  {
    name: "reaper-blind",
    breaks: "nobody notices that a worker has died",
    reveals: ["not final"],
    changes: [
      {
        file: "apps/scheduler/reap.ts",
        find: "const workers = watchedLongEnough ? await markSilentStopped(db, SILENT_MS) : [];",
        replace: "const workers: string[] = [];\n      void [watchedLongEnough, markSilentStopped];",
      },
    ],
    seconds: 16,
    traffic: { functions: ["slow"], schedules: EVERY_SECOND, wish: { overlap: ALLOW } },
    faults: [hurt("workers-kill", 6), hurt("workers-kill", 11)],
  },
  {
    name: "reaper-hasty",
    breaks: "workers count as lost before they can have reported",
    reveals: ["lost without cause"],
    changes: [
      {
        file: "apps/scheduler/reap.ts",
        find: "export const SILENT_MS = 7_000;",
        replace: "export const SILENT_MS = 300;",
      },
    ],
    seconds: 14,
    traffic: { functions: ["slow"], schedules: EVERY_SECOND, wish: { overlap: ALLOW } },
    faults: [],
  },
  {
    name: "at-most-once-again",
    breaks: "an at-most-once run whose worker died is run again",
    reveals: ["at most once"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "e.cancel_requested_at is null and j.delivery = 'at_least_once' and j.status = 'active'",
        replace: "e.cancel_requested_at is null and j.status = 'active'",
      },
    ],
    seconds: 24,
    traffic: { functions: ["slow"], schedules: EVERY_SECOND, wish: { overlap: ALLOW, delivery: "at_most_once" } },
    faults: [hurt("workers-kill", 6), hurt("workers-kill", 11)],
  },
  {
    name: "poison-for-ever",
    breaks: "an execution that kills its worker each time is run again without end",
    reveals: ["lost too often"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "export const MAX_LOST = 3;",
        replace: "export const MAX_LOST = 1_000;",
      },
    ],
    seconds: 45,
    rate: 20,
    traffic: {
      functions: ["fast"],
      killer: true,
      schedules: ["@every 1s"],
      callsPerSecond: 0,
      wish: { enabled: true, max_runs: 0, delivery: "at_least_once", overlap: ALLOW },
    },
    faults: [],
  },
  {
    name: "retry-unrecorded",
    breaks: "a failed attempt that is followed by another leaves no record",
    reveals: ["attempts", "unexplained double"],
    changes: [
      {
        file: "packages/db/executions.ts",
        find: "    if (rowCount === 0) return false;\n",
        replace:
          "    if (rowCount === 0) return false;\n    await tx.execute(sql`delete from attempts where execution_id = ${id}`);\n",
      },
    ],
    seconds: 12,
    traffic: { functions: ["failing"], schedules: EVERY_SECOND, wish: { retry: AT_ONCE } },
    faults: [],
  },
  {
    name: "run-count-forgotten",
    breaks: "the sweep does not count the runs that it gives out",
    reveals: ["run count", "max runs"],
    changes: [
      {
        file: "packages/db/due-jobs.ts",
        find: "run_count = j.run_count + a.new_runs",
        replace: "run_count = j.run_count",
      },
    ],
    seconds: 12,
    traffic: { schedules: EVERY_SECOND },
    faults: [],
  },
  {
    name: "overlap-uncounted",
    breaks: "what runs is not counted when the next occurrence is admitted",
    reveals: ["overlap"],
    changes: [
      {
        file: "packages/db/overlap.ts",
        find: "and status in ('pending', 'running')\n    group by job_id",
        replace: "and status = 'pending'\n    group by job_id",
      },
    ],
    seconds: 14,
    traffic: {
      functions: ["slow"],
      schedules: EVERY_SECOND,
      wish: { overlap: { policy: "skip", max_instances: 1, max_queued: 1 } },
    },
    faults: [],
  },
  {
    name: "misfires-unwritten",
    breaks: "what is too late is left out and not written down",
    reveals: ["lost"],
    changes: [
      {
        file: "packages/schedule/plan-occurrences.ts",
        find: "      addMisfire(plan.occurrences, scheduledFor);\n      continue;",
        replace: "      continue;",
      },
    ],
    seconds: 16,
    traffic: {
      schedules: EVERY_SECOND,
      wish: { misfire: { policy: "skip", grace_ms: 500, max_runs: 10, max_age_ms: 5_000 } },
    },
    faults: [hurt("schedulers-freeze", 5, 5)],
  },
  {
    name: "next-run-from-now",
    breaks: "the next run is counted from now and not from the last one, so that an outage swallows what was due in it",
    reveals: ["lost"],
    changes: [
      {
        file: "packages/schedule/plan-occurrences.ts",
        find: "    instants.push(next);\n    next = nextFound(schedule, next);",
        replace: "    instants.push(next);\n    next = nextFound(schedule, Math.max(next, now));",
      },
    ],
    seconds: 16,
    traffic: { schedules: EVERY_SECOND },
    faults: [hurt("schedulers-freeze", 5, 5)],
  },
  {
    name: "run-all-of-them",
    breaks: "run_all runs more of what was late than its max_runs",
    reveals: ["misfire"],
    changes: [
      {
        file: "packages/schedule/plan-occurrences.ts",
        find: "return inGrace + Math.min(misfire.max_runs, youngEnough, latestMissed);",
        replace: "return inGrace + Math.min(youngEnough, latestMissed);",
      },
    ],
    seconds: 16,
    traffic: {
      schedules: EVERY_SECOND,
      wish: { max_runs: 0, misfire: { policy: "run_all", grace_ms: 500, max_runs: 1, max_age_ms: 60_000 } },
    },
    faults: [hurt("schedulers-freeze", 5, 6)],
  },
  {
    name: "queue-without-end",
    breaks: "more executions of a job wait for their turn than its max_queued",
    reveals: ["overlap"],
    changes: [
      {
        file: "packages/schedule/admit.ts",
        find: "const holds = Math.min(count - runs, Math.max(0, policy.max_queued - held));",
        replace: "const holds = count - runs;",
      },
    ],
    seconds: 20,
    traffic: {
      functions: ["slow"],
      schedules: ["@every 1s"],
      callsPerSecond: 0,
      wish: { max_runs: 0, enabled: true, overlap: { policy: "queue", max_instances: 1, max_queued: 1 } },
    },
    faults: [hurt("workers-freeze", 6, 5)],
  },
  {
    name: "auto-pause-hasty",
    breaks: "one failure pauses a job that is to be paused after several in a row",
    reveals: ["auto-pause"],
    changes: [
      {
        file: "packages/db/auto-pause.ts",
        find: "and j.auto_pause_after > 0 and f.failures >= j.auto_pause_after",
        replace: "and j.auto_pause_after > 0 and f.failures >= 1",
      },
    ],
    seconds: 14,
    traffic: { schedules: EVERY_SECOND, autoPaused: 0.5 },
    faults: [],
  },
  {
    name: "one-zone-off",
    breaks: "one scheduler of three knows no time zones: two rules for one schedule",
    reveals: ["lost", "unplanned"],
    changes: [
      {
        file: "packages/schedule/cron.ts",
        find: "return nextLocal(pattern, dst ?? pattern.vixie, timezone, after);",
        replace: 'return nextLocal(pattern, dst ?? pattern.vixie, timezone && "UTC", after);',
      },
    ],
    only: "scheduler-1",
    seconds: 20,
    traffic: { schedules: ["* */2 * * * *", "* 1-59/2 * * * *"], zones: ["Asia/Kathmandu"] },
    faults: [],
  },
];
