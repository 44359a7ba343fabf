/**
 * A scheduler and workers as processes of their own under what may befall them. A test file for each backend of the
 * queue, so that both run at once.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFunctionBody } from "@belfry/contract/function.ts";
import { cancelExecution } from "@belfry/db/executions.ts";
import { createFunction, listFunctions, registerModules } from "@belfry/db/functions.ts";
import { pauseJob, runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import {
  makeAccount,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { createTestRedis, type TestRedis } from "@belfry/testing/redis.ts";
import { startTarget, type Target, type TargetAnswer } from "@belfry/testing/target.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";

export function describeCluster(backend: "redis" | "postgres"): void {
  let ledger: TestLedger;
  let account: TestAccount;
  let target: Target;
  let redis: TestRedis;
  let env: Record<string, string>;
  let scheduler: AppProcess;
  let workers: AppProcess[];

  beforeAll(async () => {
    ledger = await openTestLedger();
    account = await makeAccount(ledger.db);
    target = await startTarget();
    redis = createTestRedis();
    env = {
      DATABASE_URL: ledger.url,
      ...(backend === "redis" && { REDIS_URL: redis.url }),
      BELFRY_QUEUE_PREFIX: redis.prefix,
      BELFRY_DRAIN_MS: "4000",
      BELFRY_HTTP_ALLOW: "127.0.0.1",
      LOG_LEVEL: "debug",
    };
    [scheduler, ...workers] = await Promise.all([
      startApp("scheduler", env),
      startApp("worker", env),
      startApp("worker", env),
    ]);
  });
  afterAll(async () => {
    await Promise.all([scheduler, ...workers].map((process) => process.kill("SIGKILL")));
    await ledger.close();
    await target.close();
  });

  /** A job on a function of its own, which answers so, and runs only when told to. */
  async function jobThat(answer: TargetAnswer, job: Record<string, unknown> = {}): Promise<string> {
    const path = `/${crypto.randomUUID()}`;
    target.on(path, answer);
    const fn = createFunctionBody.parse({ name: path, kind: "http", url: target.url + path });
    const { id } = await createFunction(ledger.db, account.accountId, fn);
    return makeJob(ledger.db, account, { function_id: id, schedule: "0 0 1 1 *", ...job });
  }
  async function run(jobId: string): Promise<string> {
    return (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
  }
  async function read(executionId: string) {
    const found = await getExecution(ledger.db, account.accountId, executionId);
    return { ...(found?.execution as NonNullable<typeof found>["execution"]), attempts: found?.attempts ?? [] };
  }
  /** The execution as soon as it has ended. */
  async function ended(executionId: string, timeout = 15_000) {
    await expect.poll(async () => (await read(executionId)).completedAt, { timeout, interval: 50 }).not.toBeNull();
    return read(executionId);
  }
  const callsFor = (executionId: string) => target.calls.filter((call) => call.executionId === executionId);
  /** Resolves when the target has been asked to perform an execution. */
  const performing = (executionId: string) =>
    expect
      .poll(() => callsFor(executionId).some((call) => call.phase === "perform"), { timeout: 10_000, interval: 20 })
      .toBe(true);
  /** What FLUSHALL does to Redis. Returns how many keys or rows were lost. */
  async function wipeQueue(): Promise<number> {
    if (backend === "redis") return redis.flush();
    const [lost] = await rowsOf<{ n: number }>(
      ledger.db,
      sql`with gone as (delete from bullmq.job returning 1) select count(*)::int as n from gone`,
    );
    return lost?.n ?? 0;
  }
  const never = () => new Promise<never>(() => undefined);

  it("checks, performs and records both phases", async () => {
    const jobId = await jobThat(
      ({ phase }) => (phase === "check" ? { shouldPerform: true, performPayload: { n: 7 } } : { ok: true }),
      { payload: { city: "Ulm" } },
    );
    const executionId = await run(jobId);
    const execution = await ended(executionId);
    expect(execution).toMatchObject({ status: "success", attempt: 1, error: null, attempts: [] });
    const belfry = {
      execution_id: executionId,
      attempt: 1,
      scheduled_for: execution.scheduledFor.toISOString(),
      trigger: "manual",
      payload: { city: "Ulm" },
    };
    expect(execution.check).toMatchObject({
      input: { automation_job: jobId, phase: "check", belfry },
      output: { shouldPerform: true, performPayload: { n: 7 } },
      error: null,
    });
    expect(execution.perform).toMatchObject({
      input: { automation_job: jobId, phase: "perform", n: 7, belfry },
      output: { ok: true },
      error: null,
    });
    expect(callsFor(executionId).map((call) => call.phase)).toEqual(["check", "perform"]);
    expect(execution.worker).toContain(
      String(workers.map((w) => w.pid).find((pid) => execution.worker?.includes(`-${pid}-`))),
    );
  });

  it("ends as skipped when the check declines", async () => {
    const executionId = await run(await jobThat(() => ({ shouldPerform: false })));
    expect(await ended(executionId)).toMatchObject({
      status: "skipped",
      skipReason: "check_declined",
      perform: null,
      error: null,
    });
    expect(callsFor(executionId).map((call) => call.phase)).toEqual(["check"]);
  });

  it("tries again what failed, as often as the job says, and keeps each attempt", async () => {
    const answer: TargetAnswer = ({ attempt, phase }, response) => {
      if (phase === "check") return { shouldPerform: true };
      if (attempt < 3) return void response.writeHead(503).end("come back later");
      return { attempt };
    };
    const executionId = await run(await jobThat(answer, { retry: { attempts: 3, backoff_ms: 10 } }));
    const execution = await ended(executionId);
    expect(execution).toMatchObject({ status: "success", attempt: 3, perform: { output: { attempt: 3 } } });
    expect(execution.attempts).toMatchObject([
      {
        attempt: 1,
        outcome: "failed",
        error: { code: "HTTP_STATUS" },
        perform: { output: { status: 503, body: "come back later" } },
      },
      { attempt: 2, outcome: "failed" },
    ]);
  });

  it("fails when no attempt is left, or another could not help", async () => {
    const refusing: TargetAnswer = (_call, response) => void response.writeHead(422).end("wrong");
    const executionId = await run(await jobThat(refusing, { retry: { attempts: 5, backoff_ms: 10 } }));
    expect(await ended(executionId)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "HTTP_STATUS" },
      attempts: [],
    });
  });

  it("stops a phase at its time-out", async () => {
    const executionId = await run(
      await jobThat(({ phase }) => (phase === "check" ? { shouldPerform: true } : never()), {
        perform_timeout_ms: 100,
      }),
    );
    expect(await ended(executionId)).toMatchObject({
      status: "failed",
      error: { code: "TIMEOUT" },
      check: { error: null },
      perform: { error: { code: "TIMEOUT" } },
    });
  });

  it("stops a running execution that is cancelled", async () => {
    const executionId = await run(
      await jobThat(({ phase }) => (phase === "check" ? { shouldPerform: true } : never())),
    );
    await performing(executionId);
    expect(await cancelExecution(ledger.db, account.accountId, executionId)).toBe("requested");
    expect(await ended(executionId, 4_000)).toMatchObject({ status: "cancelled", error: { code: "CANCELLED" } });
  });

  it("does not perform after a pause that came while its check took long", async () => {
    const checked = Promise.withResolvers<unknown>();
    const jobId = await jobThat(({ phase }) => (phase === "check" ? checked.promise : {}));
    const executionId = await run(jobId);
    await expect.poll(() => callsFor(executionId).length, { timeout: 10_000, interval: 20 }).toBe(1);
    // The check has to have taken long by the worker's own clock as well.
    await expect
      .poll(async () => Date.now() - ((await read(executionId)).startedAt?.getTime() as number))
      .toBeGreaterThan(200);
    await pauseJob(ledger.db, account.accountId, jobId);
    checked.resolve({ shouldPerform: true });
    expect(await ended(executionId)).toMatchObject({ status: "skipped", skipReason: "paused", perform: null });
    expect(callsFor(executionId).map((call) => call.phase)).toEqual(["check"]);
  });

  it("stores outputs that Postgres would refuse, cleaned, beside others of the same moment", async () => {
    const poison = { text: "a\u0000b\ud800", "k\u0000": 1 };
    const jobs = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        jobThat(({ phase }) => (phase === "check" ? { shouldPerform: true } : i % 2 ? poison : { i })),
      ),
    );
    const executions = await Promise.all((await Promise.all(jobs.map(run))).map((id) => ended(id)));
    expect(executions.every((e) => e.status === "success")).toBe(true);
    expect(executions[1]?.perform?.output).toEqual({ text: "a\ufffdb\ufffd", "k\ufffd": 1 });
  });

  it("runs an occurrence at its time, and an interval without a hole", async () => {
    const jobId = await jobThat(({ phase }) => (phase === "check" ? { shouldPerform: true } : null), {
      schedule: "@every 1s",
    });
    const rows = () =>
      rowsOf<{ ms: number; status: string; late: number }>(
        ledger.db,
        sql`select (extract(epoch from scheduled_for) * 1000)::float8 as ms, status,
              (extract(epoch from started_at - scheduled_for) * 1000)::float8 as late
            from executions where job_id = ${jobId} order by scheduled_for`,
      );
    await expect
      .poll(async () => (await rows()).filter((row) => row.status === "success").length, { timeout: 10_000 })
      .toBeGreaterThanOrEqual(3);
    await pauseJob(ledger.db, account.accountId, jobId);
    const all = await rows();
    for (const [i, row] of all.entries()) {
      expect(row.ms).toBe((all[0]?.ms as number) + i * 1_000);
      if (row.status === "success") expect(row.late).toBeGreaterThanOrEqual(0);
    }
  });

  it("runs what was on the queue when the queue lost everything", async () => {
    // No worker takes this pool's messages until the queue has forgotten them.
    const jobIds = await Promise.all(
      Array.from({ length: 5 }, () => jobThat(() => ({ shouldPerform: true }), { pool: "wiped" })),
    );
    const executionIds = await Promise.all(jobIds.map(run));
    const published = () =>
      rowsOf<{ n: number }>(
        ledger.db,
        sql`select count(*)::int as n from executions where dispatch > 0 and id = any(${sql.param(executionIds)}::uuid[])`,
      );
    await expect.poll(async () => (await published())[0]?.n, { timeout: 10_000 }).toBe(5);
    await expect.poll(wipeQueue, { timeout: 5_000 }).toBeGreaterThanOrEqual(5);
    workers.push(await startApp("worker", { ...env, BELFRY_POOL: "wiped" }));
    for (const executionId of executionIds)
      expect(await ended(executionId, 20_000)).toMatchObject({ status: "success", attempt: 1 });
    expect(executionIds.map((id) => callsFor(id).length)).toEqual([2, 2, 2, 2, 2]);
  });

  it("leaves a module that it lacks to a worker that has it, and fails when there is none", async () => {
    const account = await makeAccount(ledger.db);
    const registered = { description: "", check: false, timeoutMs: null };
    await registerModules(ledger.db, [
      { ...registered, name: "only on one" },
      { ...registered, name: "on none" },
    ]);
    const functions = await listFunctions(ledger.db, account.accountId, { limit: 10 });
    const runOf = async (module: string): Promise<string> => {
      const functionId = functions.find((fn) => fn.module === module)?.id as string;
      const jobId = await makeJob(ledger.db, { ...account, functionId }, { schedule: "0 0 1 1 *" });
      return (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
    };
    const readTheirs = async (executionId: string) =>
      (await getExecution(ledger.db, account.accountId, executionId))?.execution;
    const folder = await mkdtemp(join(tmpdir(), "belfry-functions-"));
    const definer = fileURLToPath(new URL("../../packages/functions/define-function.ts", import.meta.url));
    await writeFile(
      join(folder, "one.ts"),
      `import { defineFunction } from "${definer}";\nexport default defineFunction({ name: "only on one", perform: () => "here" });\n`,
    );
    workers.push(await startApp("worker", { ...env, BELFRY_FUNCTIONS_DIR: folder }));
    for (let i = 0; i < 4; i++) {
      const onOne = await runOf("only on one");
      await expect.poll(async () => (await readTheirs(onOne))?.status, { timeout: 20_000 }).toBe("success");
      expect(await readTheirs(onOne)).toMatchObject({ attempt: 1, check: null, perform: { output: "here" } });
    }
    const onNone = await runOf("on none");
    await expect.poll(async () => (await readTheirs(onNone))?.completedAt, { timeout: 10_000 }).not.toBeNull();
    expect(await readTheirs(onNone)).toMatchObject({ status: "failed", error: { code: "FUNCTION_NOT_FOUND" } });
    await rm(folder, { recursive: true });
  }, 60_000);

  it("finishes on another worker what a killed one ran, and records the lost attempt", async () => {
    const jobId = await jobThat(({ phase, attempt }) =>
      phase === "check" ? { shouldPerform: true } : attempt === 1 ? never() : { attempt },
    );
    const executionId = await run(jobId);
    await performing(executionId);
    const { worker } = await read(executionId);
    const victim = workers.find((process) => worker?.includes(`-${process.pid}-`)) as AppProcess;
    await victim.kill("SIGKILL");
    const execution = await ended(executionId, 15_000);
    expect(execution).toMatchObject({ status: "success", attempt: 2, perform: { output: { attempt: 2 } } });
    expect(execution.attempts).toMatchObject([{ attempt: 1, outcome: "lost", worker, error: { code: "WORKER_LOST" } }]);
    workers = [...workers.filter((process) => process !== victim), await startApp("worker", env)];
  });

  it("leaves no hole and no duplicate when the scheduler is killed", async () => {
    const jobIds = await Promise.all(
      Array.from({ length: 5 }, () => jobThat(() => ({ shouldPerform: false }), { schedule: "@every 1s" })),
    );
    const count = async () =>
      (
        await rowsOf<{ n: number }>(
          ledger.db,
          sql`select count(*)::int as n from executions where job_id = any(${sql.param(jobIds)}::uuid[])`,
        )
      )[0]?.n ?? 0;
    for (const least of [5, 10, 15]) {
      await expect.poll(count, { timeout: 10_000, interval: 10 }).toBeGreaterThanOrEqual(least);
      await scheduler.kill("SIGKILL");
      scheduler = await startApp("scheduler", env);
    }
    await expect.poll(count, { timeout: 10_000 }).toBeGreaterThanOrEqual(20);
    for (const jobId of jobIds) {
      await pauseJob(ledger.db, account.accountId, jobId);
      const gaps = await rowsOf<{ gap: number }>(
        ledger.db,
        sql`select (extract(epoch from scheduled_for - lag(scheduled_for) over (order by scheduled_for)) * 1000)::float8 as gap
            from executions where job_id = ${jobId} order by scheduled_for`,
      );
      expect(gaps.slice(1).every(({ gap }) => gap === 1_000)).toBe(true);
    }
  });

  it("drains at SIGTERM: what runs finishes, what does not is handed to another worker at once", async () => {
    const hold = Promise.withResolvers<unknown>();
    const finishing = await run(
      await jobThat(({ phase }) => (phase === "check" ? { shouldPerform: true } : hold.promise)),
    );
    await performing(finishing);
    const { worker } = await read(finishing);
    const draining = workers.find((process) => worker?.includes(`-${process.pid}-`)) as AppProcess;
    const exited = draining.kill("SIGTERM");
    await expect.poll(() => draining.log.some((line) => line.msg === "draining")).toBe(true);
    hold.resolve({ finished: true });
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(await read(finishing)).toMatchObject({ status: "success", attempt: 1, worker });

    const stubborn = await run(
      await jobThat(({ phase, attempt }) =>
        phase === "check" ? { shouldPerform: true } : attempt === 1 ? never() : {},
      ),
    );
    await performing(stubborn);
    const holder = workers.find((process) => process !== draining && process.log.length > 0) as AppProcess;
    const others = await startApp("worker", env);
    const { worker: stubbornWorker } = await read(stubborn);
    const stopped = workers.find((process) => stubbornWorker?.includes(`-${process.pid}-`)) ?? holder;
    expect(await stopped.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    const execution = await ended(stubborn, 10_000);
    expect(execution).toMatchObject({ status: "success", attempt: 2 });
    expect(execution.attempts).toMatchObject([{ outcome: "lost", error: { code: "WORKER_STOPPED" } }]);
    workers = [...workers.filter((process) => process !== draining && process !== stopped), others];
  });

  it("leaves a function alone for as long as it asks, above the job's own maximum", async () => {
    const answer: TargetAnswer = ({ attempt, phase }, response) => {
      if (phase === "check") return { shouldPerform: true };
      return attempt === 1 ? void response.writeHead(429, { "retry-after": "1" }).end() : { attempt };
    };
    const executionId = await run(
      await jobThat(answer, { retry: { attempts: 2, backoff_ms: 10, max_backoff_ms: 20 } }),
    );
    const execution = await ended(executionId);
    expect(execution).toMatchObject({ status: "success", attempt: 2, attempts: [{ outcome: "failed" }] });
    const [first, second] = [execution.attempts[0]?.endedAt?.getTime(), execution.startedAt?.getTime()];
    // Less a millisecond: an attempt's end is kept more finely than the instant from which the next one is available.
    expect((second as number) - (first as number)).toBeGreaterThanOrEqual(999);
  });

  it("stops an attempt that takes longer in all than the job allows, and tries again", async () => {
    const closed = Promise.withResolvers<void>();
    const answer: TargetAnswer = ({ attempt, phase }, response) => {
      if (phase === "check") return { shouldPerform: true };
      if (attempt === 2) return { attempt };
      response.on("close", () => closed.resolve());
      return never();
    };
    const executionId = await run(await jobThat(answer, { timeout_ms: 400, retry: { attempts: 2, backoff_ms: 10 } }));
    await closed.promise;
    const execution = await ended(executionId);
    expect(execution).toMatchObject({ status: "success", attempt: 2, perform: { output: { attempt: 2 } } });
    const error = { code: "TIMEOUT", message: "the attempt took longer than its limit of 400 ms" };
    expect(execution.attempts).toMatchObject([
      { outcome: "failed", error, check: { error: null }, perform: { error } },
    ]);
  });

  it("counts right in the end", async () => {
    const wrong = await rowsOf(
      ledger.db,
      sql`select j.id from jobs j where j.run_count <> (select count(*) from executions e where e.job_id = j.id and e.status <> 'skipped')`,
    );
    expect(wrong).toEqual([]);
    await expect
      .poll(
        async () =>
          rowsOf(ledger.db, sql`select id, status, attempt from executions where status in ('pending', 'running')`),
        { timeout: 10_000 },
      )
      .toEqual([]);
  });
}
