import { cancelExecution, claimExecutions } from "@belfry/db/executions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { CANCEL_CHANNEL } from "@belfry/db/listen.ts";
import { markStopped } from "@belfry/db/workers.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startLiveness } from "./liveness.ts";
import { createRunning, StopReason } from "./running.ts";

const log = createLogger("test", "silent");
let ledger: TestLedger;
let account: TestAccount;
let stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
});
afterEach(async () => {
  for (const stop of stops) await stop();
  stops = [];
});
afterAll(() => ledger.close());

/** A living worker that runs one execution, which ends when it is stopped and then says why. */
async function workerWithOne() {
  const worker = await makeWorker(ledger.db);
  const jobId = await makeJob(ledger.db, account, { schedule: "0 0 1 1 *" });
  const executionId = (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
  await claimExecutions(ledger.db, worker, [{ executionId, attempt: 1 }]);
  const running = createRunning();
  const reason = Promise.withResolvers<StopReason>();
  void running.track(
    executionId,
    (signal) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          reason.resolve(signal.reason as StopReason);
          resolve();
        }),
      ),
  );
  let losses = 0;
  const liveness = startLiveness({ url: ledger.url, worker, running, log, onLost: () => losses++ });
  stops.push(liveness.stop, async () => running.stopAll(new StopReason("WORKER_STOPPED", "the test is over")));
  await expect.poll(() => liveness.lastRunAt(), { timeout: 10_000 }).not.toBeNull();
  return { worker, executionId, stopped: reason.promise, liveness, losses: () => losses };
}

const listening = () =>
  expect
    .poll(
      () =>
        rowsOf(
          ledger.db,
          sql`select 1 from pg_stat_activity where datname = current_database() and query = ${`listen ${CANCEL_CHANNEL}`} and state = 'idle'`,
        ),
      { timeout: 10_000 },
    )
    .toHaveLength(1);

it("keeps a worker alive in the eyes of the others", async () => {
  const { worker } = await workerWithOne();
  await ledger.db.execute(sql`update workers set last_seen_at = now() - interval '1 hour' where id = ${worker}`);
  const silence = async () =>
    (
      await rowsOf<{ s: number }>(
        ledger.db,
        sql`select extract(epoch from now() - last_seen_at)::float8 as s from workers where id = ${worker}`,
      )
    )[0]?.s;
  await expect.poll(silence, { timeout: 10_000 }).toBeLessThan(60);
});

it("stops what was cancelled as soon as it is told", async () => {
  const { executionId, stopped } = await workerWithOne();
  await listening();
  // Only the notification: the next heartbeat would find nothing.
  await ledger.db.execute(sql`select pg_notify(${CANCEL_CHANNEL}, ${executionId})`);
  expect(await stopped).toMatchObject({ code: "CANCELLED" });
});

it("stops what was cancelled also when the notification was missed", async () => {
  const { executionId, stopped } = await workerWithOne();
  await ledger.db.execute(sql`update executions set cancel_requested_at = now() where id = ${executionId}`);
  expect(await stopped).toMatchObject({ code: "CANCELLED" });
});

it("leaves alone what another worker runs and what nobody cancelled", async () => {
  const [one, other] = [await workerWithOne(), await workerWithOne()];
  expect(await cancelExecution(ledger.db, account.accountId, one.executionId)).toBe("requested");
  expect(await one.stopped).toMatchObject({ code: "CANCELLED" });
  await Promise.all(stops.splice(0).map((stop) => stop()));
  expect(await other.stopped).toMatchObject({ code: "WORKER_STOPPED" });
});

it("says once that the worker was counted as lost", async () => {
  const { worker, liveness, losses } = await workerWithOne();
  await markStopped(ledger.db, worker);
  await expect.poll(losses, { timeout: 10_000 }).toBe(1);
  // The heartbeat after that finds the same, and is not told again.
  const told = performance.now();
  await expect.poll(() => liveness.lastRunAt(), { timeout: 10_000 }).toBeGreaterThan(told + 500);
  expect(losses()).toBe(1);
});

it("records as lost what the ledger says is the worker's and the worker does not run", async () => {
  const { worker, executionId } = await workerWithOne();
  const jobId = await makeJob(ledger.db, account, { schedule: "0 0 1 1 *" });
  const forgotten = (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
  // As when the answer to the claim was cut off; both are older than any claim that may still be on its way.
  await claimExecutions(ledger.db, worker, [{ executionId: forgotten, attempt: 1 }]);
  await ledger.db.execute(sql`update executions set started_at = now() - interval '1 minute' where worker = ${worker}`);
  const stateOf = (id: string) => rowsOf(ledger.db, sql`select status, attempt from executions where id = ${id}`);
  await expect.poll(() => stateOf(forgotten), { timeout: 10_000 }).toEqual([{ status: "pending", attempt: 2 }]);
  expect(await stateOf(executionId)).toEqual([{ status: "running", attempt: 1 }]);
});
