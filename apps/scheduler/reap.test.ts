import type { Db } from "@belfry/db/client.ts";
import { claimExecutions } from "@belfry/db/executions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { heartbeat } from "@belfry/db/workers.ts";
import { createLogger } from "@belfry/service/logger.ts";
import { makeAccount, makeJob, makeWorker, openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeEach, expect, it } from "vitest";
import { createReaper, SILENT_MS, WATCH_MS } from "./reap.ts";

const log = createLogger("test", "silent");
let ledger: TestLedger;
let db: Db;

beforeEach(async () => {
  await ledger?.close();
  ledger = await openTestLedger();
  db = ledger.db;
});
afterAll(() => ledger.close());

/** A worker that runs something and was last heard of so many milliseconds ago. */
async function workerSilentFor(ms: number): Promise<{ worker: string; executionId: string }> {
  const account = await makeAccount(db);
  const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
  const run = await runJob(db, account.accountId, jobId);
  const executionId = run?.executionId as string;
  const worker = await makeWorker(db);
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  await db.execute(
    sql`update workers set last_seen_at = now() - make_interval(secs => ${ms} / 1000.0) where id = ${worker}`,
  );
  return { worker, executionId };
}

/** A reaper whose clock the test moves, and which has watched for long enough. */
async function watchingReaper() {
  let now = 0;
  const reaper = createReaper(db, log, () => now);
  const runAfter = async (ms: number) => {
    now += ms;
    return reaper.runOnce();
  };
  for (let watched = 0; watched < WATCH_MS; watched += 1_000) await runAfter(1_000);
  return { runAfter };
}

it("takes what a silent worker ran from it, once", async () => {
  const { worker, executionId } = await workerSilentFor(SILENT_MS + 1_000);
  const { runAfter } = await watchingReaper();
  // The fifth second of watching was enough.
  const { rows } = await db.execute<{ status: string; attempt: number }>(
    sql`select status, attempt from executions where id = ${executionId}`,
  );
  expect(rows).toEqual([{ status: "pending", attempt: 2 }]);
  expect(await heartbeat(db, worker)).toEqual({ alive: false, cancelled: [], claimed: [] });
  expect(await runAfter(1_000)).toEqual({ workers: [], executions: [] });
});

it("leaves a worker alone that reports in time", async () => {
  const { worker } = await workerSilentFor(SILENT_MS - 4_000);
  await watchingReaper();
  expect(await heartbeat(db, worker)).toMatchObject({ alive: true });
});

it("counts no silence that it has not watched itself, as after an outage of Postgres", async () => {
  const { runAfter } = await watchingReaper();
  const { worker } = await workerSilentFor(SILENT_MS + 20_000);
  // Its own look took so long that everybody may have been cut off.
  expect(await runAfter(20_000)).toEqual({ workers: [], executions: [] });
  expect(await heartbeat(db, worker)).toMatchObject({ alive: true });
});
