import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { idAt } from "@belfry/testing/id-at.ts";
import { sweepOnce } from "@belfry/testing/sweep.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Db } from "./client.ts";
import { cancelExecution, claimExecutions, finishExecutions } from "./executions.ts";
import { patchJob, pauseJob, resumeJob, runJob } from "./jobs.ts";
import { takeForPublish } from "./outbox.ts";
import { releaseHeld } from "./overlap.ts";
import { inTransaction } from "./transaction.ts";
import { heartbeat } from "./workers.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

// A sweep takes whatever is due, so each test has a database of its own.
beforeEach(async () => {
  await ledger?.close();
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

type Row = { id: string; status: string; skip_reason: string | null; held: boolean };
const executionsOf = (jobId: string) =>
  rowsOf<Row>(
    db,
    sql`select id, status, skip_reason, held from executions where job_id = ${jobId} order by scheduled_for`,
  );
const said = (rows: Row[]) => rows.map((row) => (row.held ? "held" : (row.skip_reason ?? row.status)));
const runCount = async (jobId: string) =>
  (await rowsOf<{ n: number }>(db, sql`select run_count as n from jobs where id = ${jobId}`))[0]?.n;

const sweep = () => sweepOnce(db);
/** A job whose next `count` occurrences are due now, in one sweep. */
async function swept(
  overlap: Record<string, unknown>,
  count: number,
  more: Record<string, unknown> = {},
): Promise<string> {
  const jobId = await makeJob(db, account, {
    schedule: "@every 1h",
    overlap,
    misfire: { policy: "run_all", max_age_ms: 86_400_000 },
    ...more,
  });
  await due(jobId, count);
  await sweep();
  return jobId;
}
/** Makes `count` occurrences due, the latest a moment ago; what is in the ledger already lies long before them. */
async function due(jobId: string, count: number): Promise<void> {
  await db.execute(sql`
    update executions set id = ${idAt(sql`scheduled_for - interval '1000 hours'`, sql`id`)},
      scheduled_for = scheduled_for - interval '1000 hours', scheduled_until = scheduled_until - interval '1000 hours'
    where job_id = ${jobId}`);
  const [job] = await rowsOf<{ anchor: number }>(
    db,
    sql`update jobs set schedule_spec = jsonb_set(schedule_spec::jsonb, '{anchor}',
          to_jsonb(floor(extract(epoch from now()) * 1000)::float8 - ${count * 3_600_000 + 5}))
        where id = ${jobId} returning (schedule_spec->>'anchor')::float8 as anchor`,
  );
  await db.execute(sql`
    update jobs set next_run = to_timestamp(${(job?.anchor ?? 0) + 3_600_000} / 1000.0), planned_from = planned_from - interval '9 days'
    where id = ${jobId}`);
}

async function claimAndFinish(executionId: string): Promise<void> {
  const worker = await makeWorker(db);
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  await finishExecutions(db, worker, [
    { executionId, attempt: 1, status: "success", skipReason: null, error: null, check: null, perform: null },
  ]);
}

describe("occurrences that are due together", () => {
  it.each([
    ["allow", {}, ["pending", "pending", "pending"], 3],
    ["skip", {}, ["pending", "overlap", "overlap"], 1],
    ["skip", { max_instances: 2 }, ["pending", "pending", "overlap"], 2],
    ["queue", { max_queued: 1 }, ["pending", "held", "overlap"], 2],
    ["cancel_running", {}, ["overlap", "overlap", "pending"], 1],
  ])("under %s %j", async (policy, more, expected, counted) => {
    const jobId = await swept({ policy, ...more }, 3);
    expect(said(await executionsOf(jobId))).toEqual(expected);
    expect(await runCount(jobId)).toBe(counted);
  });
});

describe("an occurrence whose predecessor is still open", () => {
  it("is skipped, or runs again once that has ended", async () => {
    const jobId = await swept({ policy: "skip" }, 1);
    await due(jobId, 2);
    await sweep();
    const [first, ...others] = await executionsOf(jobId);
    expect(said(others).every((status) => status === "overlap")).toBe(true);
    await claimAndFinish(first?.id as string);
    await due(jobId, 1);
    await sweep();
    expect(said(await executionsOf(jobId)).at(-1)).toBe("pending");
  });

  it("waits for its turn, cannot be claimed or published before, and goes when that comes", async () => {
    const jobId = await swept({ policy: "queue" }, 3);
    const [first, second, third] = await executionsOf(jobId);
    expect(said([first, second, third] as Row[])).toEqual(["pending", "held", "held"]);
    expect(await releaseHeld(db, 10)).toBe(0);
    const worker = await makeWorker(db);
    expect(await claimExecutions(db, worker, [{ executionId: second?.id as string, attempt: 1 }])).toEqual([]);
    await db.execute(sql`update executions set publish_at = now() - interval '1 second'`);
    expect((await takeForPublish(db, 10)).map((d) => d.executionId)).toEqual([first?.id]);
    await claimAndFinish(first?.id as string);
    expect(await releaseHeld(db, 10)).toBe(1);
    expect((await takeForPublish(db, 10)).map((d) => d.executionId)).toEqual([second?.id]);
    expect(said(await executionsOf(jobId))).toEqual(["success", "pending", "held"]);
  });

  it("stays as it is when it was cancelled in the moment in which its turn came", async () => {
    const jobId = await swept({ policy: "queue" }, 2);
    const [first, second] = await executionsOf(jobId);
    await claimAndFinish(first?.id as string);
    const row = () => rowsOf(db, sql`select * from executions where id = ${second?.id}`);
    const [released, cancelled] = await inTransaction(db, async (tx) => {
      await cancelExecution(tx, account.accountId, second?.id as string);
      const cancelled = (await tx.execute(sql`select * from executions where id = ${second?.id}`)).rows;
      const releasing = releaseHeld(db, 10);
      await vi.waitFor(async () =>
        expect(await rowsOf(db, sql`select from pg_locks where not granted and pid <> pg_backend_pid()`)).not.toEqual(
          [],
        ),
      );
      return [releasing, cancelled] as const;
    }).then(async ([releasing, cancelled]) => [await releasing, cancelled] as const);
    expect(released).toBe(0);
    expect(await row()).toEqual(cancelled);
  });

  it("takes its place: what runs is asked to stop, what only waited is cancelled or skipped", async () => {
    const jobId = await swept({ policy: "cancel_running" }, 1);
    const [first] = await executionsOf(jobId);
    const worker = await makeWorker(db);
    await claimExecutions(db, worker, [{ executionId: first?.id as string, attempt: 1 }]);
    await due(jobId, 1);
    await sweep();
    const [running] = await executionsOf(jobId);
    expect(await heartbeat(db, worker)).toMatchObject({ cancelled: [running?.id] });
    const held = async () => (await executionsOf(jobId)).filter((row) => row.held);
    const [waiting] = await held();
    await runJob(db, account.accountId, jobId);
    expect((await executionsOf(jobId)).find((row) => row.id === waiting?.id)).toMatchObject({
      skip_reason: "overlap",
      held: false,
    });
    expect(await held()).toHaveLength(1);
    expect(await runCount(jobId)).toBe(2);
  });
});

describe("max_instances", () => {
  it("holds for manual runs as well, however many come at once", async () => {
    const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *", overlap: { policy: "skip", max_instances: 3 } });
    await Promise.all(Array.from({ length: 12 }, () => runJob(db, account.accountId, jobId)));
    expect(said(await executionsOf(jobId)).toSorted()).toEqual([
      ...Array(9).fill("overlap"),
      ...Array(3).fill("pending"),
    ]);
    expect(await runCount(jobId)).toBe(3);
  });

  it("holds while several schedulers release", async () => {
    const jobId = await swept({ policy: "queue", max_instances: 2, max_queued: 50 }, 20);
    for (let round = 0; round < 5; round++) {
      const open = (await executionsOf(jobId)).filter((row) => row.status === "pending" && !row.held);
      expect(open.length).toBeLessThanOrEqual(2);
      await Promise.all(open.map((row) => claimAndFinish(row.id)));
      await Promise.all(Array.from({ length: 4 }, () => releaseHeld(db, 10)));
    }
    const rows = await executionsOf(jobId);
    expect(said(rows)).toEqual([...Array(10).fill("success"), ...Array(2).fill("pending"), ...Array(8).fill("held")]);
  });

  it("holds after a pause and a change of policy", async () => {
    const jobId = await swept({ policy: "queue" }, 3);
    const [first] = await executionsOf(jobId);
    const worker = await makeWorker(db);
    await claimExecutions(db, worker, [{ executionId: first?.id as string, attempt: 1 }]);
    await pauseJob(db, account.accountId, jobId);
    expect(said(await executionsOf(jobId))).toEqual(["running", "paused", "paused"]);
    await resumeJob(db, account.accountId, jobId);
    await runJob(db, account.accountId, jobId);
    expect(said(await executionsOf(jobId)).at(-1)).toBe("held");
    await patchJob(db, account.accountId, jobId, { overlap: { policy: "allow", max_instances: 1, max_queued: 1 } });
    expect(await releaseHeld(db, 10)).toBe(1);
  });
});

it("does not use up max_runs by what it skips", async () => {
  const jobId = await swept({ policy: "skip" }, 3, { max_runs: 2 });
  expect(said(await executionsOf(jobId))).toEqual(["pending", "overlap"]);
  await sweep();
  const rows = await executionsOf(jobId);
  expect(said(rows)).toEqual(["pending", "overlap", "overlap"]);
  await claimAndFinish(rows[0]?.id as string);
  await due(jobId, 1);
  await sweep();
  expect(said(await executionsOf(jobId)).at(-1)).toBe("pending");
  expect(await rowsOf(db, sql`select next_run, run_count from jobs where id = ${jobId}`)).toMatchObject([
    { next_run: null, run_count: 2 },
  ]);
});

it("lets nobody's waiting executions keep those of others from their turn", async () => {
  const blocked = await Promise.all(
    Array.from({ length: 8 }, () => makeJob(db, account, { schedule: "0 0 1 1 *", overlap: { policy: "queue" } })),
  );
  for (const jobId of blocked) {
    await runJob(db, account.accountId, jobId);
    await runJob(db, account.accountId, jobId);
  }
  const free = await makeJob(db, account, { schedule: "0 0 1 1 *", overlap: { policy: "queue" } });
  const first = await runJob(db, account.accountId, free);
  await runJob(db, account.accountId, free);
  await claimAndFinish(first?.executionId as string);
  expect(await releaseHeld(db, 4)).toBe(1);
  expect(said(await executionsOf(free))).toEqual(["success", "pending"]);
});
