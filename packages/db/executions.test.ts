import {
  makeAccount,
  makeDue,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { idAt } from "@belfry/testing/id-at.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "./client.ts";
import { executionId as executionIdAt } from "./execution-id.ts";
import {
  cancelExecution,
  claimExecutions,
  finishExecutions,
  MAX_LOST,
  recordLost,
  retryExecution,
  takeBackPending,
  type Verdict,
} from "./executions.ts";
import { pauseJob, runJob } from "./jobs.ts";
import { takeForPublish } from "./outbox.ts";
import { getExecution } from "./read-executions.ts";
import { inTransaction } from "./transaction.ts";
import { markStopped } from "./workers.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

/** A pending manual run of a new job. */
async function pendingRun(job: Record<string, unknown> = {}): Promise<{ jobId: string; executionId: string }> {
  const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *", ...job });
  const run = await runJob(db, account.accountId, jobId);
  return { jobId, executionId: run?.executionId as string };
}

const claimOne = async (worker: string, executionId: string, attempt = 1) =>
  (await claimExecutions(db, worker, [{ executionId, attempt }]))[0];

const success = (executionId: string, attempt = 1): Verdict => ({
  executionId,
  attempt,
  status: "success",
  skipReason: null,
  error: null,
  check: null,
  perform: null,
});

const failure = (executionId: string, attempt = 1) => ({
  executionId,
  attempt,
  error: { code: "FUNCTION_ERROR", message: "no" } as const,
  check: null,
  perform: null,
  retryInMs: 0,
});

const read = async (executionId: string) => {
  const found = await getExecution(db, account.accountId, executionId);
  if (!found) throw new Error("no such execution");
  return { ...found.execution, attempts: found.attempts };
};

const runCount = async (jobId: string) =>
  (await rowsOf<{ run_count: number }>(db, sql`select run_count from jobs where id = ${jobId}`))[0]?.run_count;

describe("a claim", () => {
  it("is given to one of many workers that ask at once", async () => {
    const { executionId } = await pendingRun();
    const workers = await Promise.all(Array.from({ length: 8 }, () => makeWorker(db)));
    const claims = await Promise.all(workers.map((worker) => claimOne(worker, executionId)));
    expect(claims.filter(Boolean)).toHaveLength(1);
  });

  it("tells the worker what to call, with what and for how long", async () => {
    const { executionId, jobId } = await pendingRun({ payload: { a: ["ü", 1] }, check_timeout_ms: 10 });
    const claimed = await claimOne(await makeWorker(db), executionId);
    expect(claimed).toMatchObject({
      executionId,
      jobId,
      attempt: 1,
      trigger: "manual",
      payload: { a: ["ü", 1] },
      checkTimeoutMs: 10,
      performTimeoutMs: null,
      function: { kind: "http", url: "http://127.0.0.1:9/", headers: {}, module: null, check: true, timeoutMs: null },
    });
    expect(Math.abs(Date.now() - (claimed?.scheduledFor ?? 0))).toBeLessThan(60_000);
  });

  it("is for the attempt that the message names, and for nothing that has ended", async () => {
    const { executionId } = await pendingRun();
    const worker = await makeWorker(db);
    expect(await claimOne(worker, executionId, 2)).toBeUndefined();
    await claimOne(worker, executionId);
    await finishExecutions(db, worker, [success(executionId)]);
    expect(await claimOne(worker, executionId)).toBeUndefined();
  });

  it("is not given to a worker that is unknown or was counted as lost", async () => {
    const { executionId } = await pendingRun();
    const lost = await makeWorker(db);
    await markStopped(db, lost);
    expect(await claimOne(lost, executionId)).toBeUndefined();
    expect(await claimOne("nobody", executionId)).toBeUndefined();
    expect(await claimOne(await makeWorker(db), executionId)).toBeDefined();
  });

  it("waits for the time of a retry", async () => {
    const { executionId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    await retryExecution(db, worker, { ...failure(executionId), retryInMs: 60_000 });
    expect(await claimOne(worker, executionId, 2)).toBeUndefined();
  });
});

describe("a verdict", () => {
  it("is written once, by the worker that holds the claim", async () => {
    const { executionId } = await pendingRun();
    const [worker, other] = [await makeWorker(db), await makeWorker(db)];
    await claimOne(worker, executionId);
    expect(await finishExecutions(db, other, [success(executionId)])).toEqual(new Set());
    expect(await finishExecutions(db, worker, [success(executionId, 2)])).toEqual(new Set());
    expect(await finishExecutions(db, worker, [success(executionId)])).toEqual(new Set([executionId]));
    const changed = { ...success(executionId), status: "failed" as const, error: failure(executionId).error };
    expect(await finishExecutions(db, worker, [changed])).toEqual(new Set());
    expect(await read(executionId)).toMatchObject({ status: "success", worker, attempt: 1, error: null });
  });

  it("keeps what the phases took and gave", async () => {
    const { executionId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    const record = {
      input: { a: 1 },
      output: "text",
      logs: ["l"],
      error: null,
      started_at: new Date().toISOString(),
      duration_ms: 1.5,
    };
    await finishExecutions(db, worker, [
      { ...success(executionId), check: record, perform: { ...record, output: null } },
    ]);
    const stored = await read(executionId);
    expect(stored.check).toEqual(record);
    expect(stored.perform).toEqual({ ...record, output: null });
    expect(stored.completedAt?.getTime()).toBeGreaterThanOrEqual(stored.startedAt?.getTime() as number);
  });

  it("of a worker whose claim was given away does not count", async () => {
    const { executionId } = await pendingRun();
    const [silent, next] = [await makeWorker(db), await makeWorker(db)];
    await claimOne(silent, executionId);
    await markStopped(db, silent);
    await recordLost(db, { error: { code: "WORKER_LOST", message: "gone" }, limit: 10 });
    expect(await finishExecutions(db, silent, [success(executionId)])).toEqual(new Set());
    expect(await retryExecution(db, silent, failure(executionId))).toBe(false);
    expect(await claimOne(next, executionId, 2)).toBeDefined();
    expect(await finishExecutions(db, silent, [success(executionId, 2)])).toEqual(new Set());
  });

  it("that the check declined takes the execution out of run_count", async () => {
    const { executionId, jobId } = await pendingRun();
    const worker = await makeWorker(db);
    expect(await runCount(jobId)).toBe(1);
    await claimOne(worker, executionId);
    await finishExecutions(db, worker, [{ ...success(executionId), status: "skipped", skipReason: "check_declined" }]);
    expect(await read(executionId)).toMatchObject({ status: "skipped", skipReason: "check_declined" });
    expect(await runCount(jobId)).toBe(0);
  });
});

describe("a retry", () => {
  it("records the failed attempt and makes the next one pending", async () => {
    const { executionId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    expect(await retryExecution(db, worker, failure(executionId))).toBe(true);
    const stored = await read(executionId);
    expect(stored).toMatchObject({ status: "pending", attempt: 2, worker: null, startedAt: null });
    expect(stored.attempts).toMatchObject([
      { attempt: 1, outcome: "failed", worker, error: { code: "FUNCTION_ERROR" } },
    ]);
    expect(await claimOne(worker, executionId, 2)).toBeDefined();
  });

  it("is refused once the job is paused", async () => {
    const { executionId, jobId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    await pauseJob(db, account.accountId, jobId);
    expect(await retryExecution(db, worker, failure(executionId))).toBe(false);
    expect(await read(executionId)).toMatchObject({ status: "running", attempt: 1, attempts: [] });
  });

  it("waits for a pause under way and then sees it: it cannot become pending behind its back", async () => {
    const { executionId, jobId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    let retry: Promise<boolean> | undefined;
    await inTransaction(db, async (tx) => {
      await tx.execute(sql`update jobs set status = 'paused', next_run = null where id = ${jobId}`);
      await takeBackPending(tx, jobId, "paused");
      let settled = false;
      retry = retryExecution(db, worker, failure(executionId)).finally(() => {
        settled = true;
      });
      const blocked = () =>
        rowsOf(
          db,
          sql`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
      await expect.poll(async () => settled || (await blocked()).length === 1, { timeout: 1_500 }).toBe(true);
    });
    expect(await retry).toBe(false);
    expect(await read(executionId)).toMatchObject({ status: "running", attempt: 1 });
  });

  it("is refused once the execution is to be cancelled", async () => {
    const { executionId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    expect(await cancelExecution(db, account.accountId, executionId)).toBe("requested");
    expect(await retryExecution(db, worker, failure(executionId))).toBe(false);
  });
});

describe("a lost worker's execution", () => {
  const error = { code: "WORKER_LOST", message: "gone" } as const;
  const loseWorker = async (worker: string) => {
    await markStopped(db, worker);
    return recordLost(db, { error, limit: 100 });
  };

  it("gets another attempt, to be published at once", async () => {
    const { executionId, jobId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    expect(await loseWorker(worker)).toMatchObject([{ executionId, jobId, attempt: 1, worker, status: "pending" }]);
    expect(await read(executionId)).toMatchObject({
      status: "pending",
      attempt: 2,
      attempts: [{ outcome: "lost", error }],
    });
    expect((await takeForPublish(db, 1_000)).find((d) => d.executionId === executionId)).toMatchObject({
      attempt: 2,
      dispatch: 1,
    });
  });

  it("fails if its job wants to run at most once", async () => {
    const { executionId } = await pendingRun({ delivery: "at_most_once" });
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    expect(await loseWorker(worker)).toMatchObject([{ executionId, status: "failed" }]);
    expect(await read(executionId)).toMatchObject({ status: "failed", attempt: 1, error });
  });

  it(`fails after it has cost ${MAX_LOST} workers`, async () => {
    const { executionId } = await pendingRun();
    for (let attempt = 1; attempt <= MAX_LOST; attempt++) {
      const worker = await makeWorker(db);
      await claimOne(worker, executionId, attempt);
      const status = attempt < MAX_LOST ? "pending" : "failed";
      expect(await loseWorker(worker)).toMatchObject([{ executionId, attempt, status }]);
    }
    expect(await read(executionId)).toMatchObject({ status: "failed", attempt: MAX_LOST, error });
  });

  it("is cancelled if that was asked for", async () => {
    const { executionId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    await cancelExecution(db, account.accountId, executionId);
    expect(await loseWorker(worker)).toMatchObject([{ executionId, status: "cancelled" }]);
  });

  it("fails if its job was paused meanwhile, since nothing may start any more", async () => {
    const { executionId, jobId } = await pendingRun();
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    await pauseJob(db, account.accountId, jobId);
    expect(await loseWorker(worker)).toMatchObject([{ executionId, status: "failed" }]);
  });
});

describe("a pause", () => {
  it("skips what was never tried, and ends what waited for another attempt as its last one ended", async () => {
    const { executionId, jobId } = await pendingRun();
    const fresh = (await runJob(db, account.accountId, jobId))?.executionId as string;
    const worker = await makeWorker(db);
    await claimOne(worker, executionId);
    await retryExecution(db, worker, { ...failure(executionId), retryInMs: 60_000 });
    await pauseJob(db, account.accountId, jobId);
    expect(await read(executionId)).toMatchObject({
      status: "failed",
      attempt: 1,
      worker,
      error: { code: "FUNCTION_ERROR" },
      attempts: [],
    });
    expect(await read(fresh)).toMatchObject({ status: "skipped", skipReason: "paused" });
    expect(await runCount(jobId)).toBe(1);
  });
});

describe("a claim of which the worker knows nothing", () => {
  it("is recorded as lost for those executions alone", async () => {
    const [forgotten, known] = [await pendingRun(), await pendingRun()];
    const worker = await makeWorker(db);
    await claimOne(worker, forgotten.executionId);
    await claimOne(worker, known.executionId);
    const lost = await recordLost(db, {
      error: { code: "WORKER_LOST", message: "" },
      limit: 10,
      of: { worker, executionIds: [forgotten.executionId] },
    });
    expect(lost).toMatchObject([{ executionId: forgotten.executionId, status: "pending" }]);
    expect(await read(known.executionId)).toMatchObject({ status: "running" });
  });
});

describe("verdicts of many workers at once", () => {
  it("do not block each other over the jobs that they count down", async () => {
    const jobIds = await Promise.all(Array.from({ length: 20 }, () => makeJob(db, account, { schedule: "0 0 1 1 *" })));
    const workers = await Promise.all(Array.from({ length: 4 }, () => makeWorker(db)));
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        workers.map(async (worker) => {
          const runs = await Promise.all(jobIds.map((jobId) => runJob(db, account.accountId, jobId)));
          const ids = runs.map((run) => run?.executionId as string);
          await claimExecutions(
            db,
            worker,
            ids.map((id) => ({ executionId: id, attempt: 1 })),
          );
          const shuffled = ids.toSorted(() => Math.random() - 0.5);
          const declined = shuffled.map(
            (id): Verdict => ({ ...success(id), status: "skipped", skipReason: "check_declined" }),
          );
          expect((await finishExecutions(db, worker, declined)).size).toBe(20);
        }),
      );
    }
    for (const jobId of jobIds) expect(await runCount(jobId)).toBe(0);
  });
});

describe("cancelling", () => {
  it("ends what waits at once, and is refused for what has ended", async () => {
    const { executionId } = await pendingRun();
    expect(await cancelExecution(db, account.accountId, executionId)).toBe("cancelled");
    expect(await read(executionId)).toMatchObject({ status: "cancelled", error: { code: "CANCELLED" } });
    expect(await cancelExecution(db, account.accountId, executionId)).toBe("final");
    expect(await claimOne(await makeWorker(db), executionId)).toBeUndefined();
  });

  it("knows no execution of another account", async () => {
    const { executionId } = await pendingRun();
    const stranger = await makeAccount(db);
    expect(await cancelExecution(db, stranger.accountId, executionId)).toBe("unknown");
  });
});

describe("publishing", () => {
  it("takes what is pending once, and again only when no worker has claimed it in time", async () => {
    const { executionId } = await pendingRun();
    const taken = async () => (await takeForPublish(db, 1_000)).filter((d) => d.executionId === executionId);
    expect(await taken()).toMatchObject([{ attempt: 1, dispatch: 1, pool: "default", priority: "medium" }]);
    expect(await taken()).toEqual([]);
    await db.execute(sql`update executions set publish_at = now() - interval '1 second' where id = ${executionId}`);
    expect(await taken()).toMatchObject([{ attempt: 1, dispatch: 2 }]);
  });

  it("shares the work out between schedulers", async () => {
    const runs = await Promise.all(Array.from({ length: 40 }, () => pendingRun()));
    const shares = await Promise.all([takeForPublish(db, 25), takeForPublish(db, 25), takeForPublish(db, 25)]);
    const ids = shares.flat().map((d) => d.executionId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(runs.every((run) => ids.includes(run.executionId))).toBe(true);
  });
});

describe("the constraints of the ledger", () => {
  it("hold one row per occurrence", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId);
    const insert = () =>
      db.execute(sql`
      insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status)
      select ${idAt(sql`next_run`)}, account_id, id, function_id, 'schedule', next_run, next_run, 'pending' from jobs where id = ${jobId}`);
    await insert();
    await expect(insert()).rejects.toMatchObject({
      cause: { code: "23505", constraint: expect.stringMatching(/job_id_scheduled_for_trigger/) },
    });
  });

  it.each(["status = 'done'", "status = 'skipped'", "status = 'success'", "skip_reason = 'paused'"])(
    "refuse %s",
    async (change) => {
      const { executionId } = await pendingRun();
      await expect(
        db.execute(sql`update executions set ${sql.raw(change)} where id = ${executionId}`),
      ).rejects.toMatchObject({ cause: { code: "23514" } });
    },
  );
});

it.each([
  ["planned for these", "auto"],
  ["planned for any", "force_generic_plan"],
])("finds what is claimed by its id, however little was pending when statistics were taken: %s", async (_, mode) => {
  const quiet = await openTestLedger();
  const owner = await makeAccount(quiet.db);
  const worker = await makeWorker(quiet.db);
  const jobId = await makeJob(quiet.db, owner, { schedule: "0 0 1 1 *" });
  await quiet.db.execute(sql`
    insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status, completed_at)
    select ${idAt(sql`at`)}, ${owner.accountId}, ${jobId}, ${owner.functionId}, 'manual', at, at, 'success', at
    from generate_series(1, 20000) n, lateral (select timestamptz 'epoch' + n * interval '1 second' as at) t`);
  await quiet.db.execute(sql`analyze executions`);
  const plans = await inTransaction(quiet.db, async (tx) => {
    await tx.execute(sql`load 'auto_explain'`);
    await tx.execute(sql`set local auto_explain.log_min_duration = 0`);
    await tx.execute(sql`select set_config('plan_cache_mode', ${mode}, true)`);
    for (const scan of ["enable_seqscan", "enable_bitmapscan"])
      await tx.execute(sql`select set_config(${scan}, ${mode === "auto" ? "on" : "off"}, true)`);
    await tx.execute(sql`set local client_min_messages = log`);
    const seen: string[] = [];
    const client = (
      tx as unknown as { $client: { on: (event: string, on: (notice: { message?: string }) => void) => void } }
    ).$client;
    client.on("notice", ({ message }) => seen.push(message ?? ""));
    await claimExecutions(tx, worker, [{ executionId: executionIdAt(0), attempt: 1 }]);
    await finishExecutions(tx, worker, [success(executionIdAt(0))]);
    return seen.join("\n");
  });
  const scans = plans.match(/(?:Seq|Index|Bitmap Heap) Scan (?:using \w+ )?on executions\w* e.*\n.*/g) ?? [];
  // Planned for any ids, each partition is asked for them.
  expect(scans).toHaveLength(mode === "auto" ? 2 : 2 * 3);
  // Each by the ids themselves: neither by what was pending, nor everything between the least and the greatest.
  for (const scan of scans) expect(scan).toMatch(/using executions_\w+_pkey[\s\S]*Index Cond: \(?\(?id = /);
  await quiet.close();
});
