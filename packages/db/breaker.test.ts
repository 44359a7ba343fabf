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
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { countFailures, endProbe, resetBreaker, startProbe } from "./breaker.ts";
import {
  type ClaimedExecution,
  cancelExecution,
  claimExecutions,
  postponeExecutions,
  retryExecution,
} from "./executions.ts";
import { getFunction, patchFunction } from "./functions.ts";
import { pauseJob, runJob } from "./jobs.ts";
import { takeForPublish } from "./outbox.ts";
import { getExecution } from "./read-executions.ts";

let test: TestLedger;
let account: TestAccount;
let worker: string;

beforeAll(async () => {
  test = await openTestLedger();
  worker = await makeWorker(test.db);
});
beforeEach(async () => {
  account = await makeAccount(test.db, { breaker: { failures: 3, open_seconds: 10 } });
});
afterAll(() => test.close());

const failures = (n: number, succeeded = false) =>
  countFailures(test.db, account.functionId, { succeeded, failures: n });
async function breaker() {
  const row = await getFunction(test.db, account.accountId, account.functionId);
  if (!row) throw new Error("the function is gone");
  const { breakerState: state, breakerFailed: failed, breakerOpenedAt, breakerRetryAt } = row;
  const openMs = breakerOpenedAt && breakerRetryAt ? breakerRetryAt.getTime() - breakerOpenedAt.getTime() : null;
  return { state, failed, openMs };
}
/** Moves the breaker's clock on to the instant at which one execution may try. */
const untilRetry = () =>
  test.db.execute(sql`
    update functions set breaker_opened_at = breaker_opened_at - (breaker_retry_at - now()),
      breaker_retry_at = now() where id = ${account.functionId}`);

/** A manual run of a new job, as it waits on the queue. */
async function published(): Promise<{ executionId: string; jobId: string }> {
  const jobId = await makeJob(test.db, account, { schedule: "0 0 1 1 *" });
  const executionId = (await runJob(test.db, account.accountId, jobId))?.executionId as string;
  await takeForPublish(test.db, 100);
  return { executionId, jobId };
}
async function claimed(): Promise<ClaimedExecution> {
  const { executionId } = await published();
  return (await claimExecutions(test.db, worker, [{ executionId, attempt: 1 }]))[0] as ClaimedExecution;
}
const postpone = ({ executionId, attempt, jobId }: ClaimedExecution, inMs = 60_000) =>
  postponeExecutions(test.db, worker, [{ executionId, attempt, jobId, inMs }]);
const read = async (executionId: string) =>
  (await getExecution(test.db, account.accountId, executionId))?.execution as NonNullable<
    Awaited<ReturnType<typeof getExecution>>
  >["execution"];
const try_ = (claim: ClaimedExecution) => startProbe(test.db, account.functionId, claim);
const end = (claim: ClaimedExecution, result: "recovered" | "failing" | "unknown") =>
  endProbe(test.db, account.functionId, claim, result);

describe("a closed breaker", () => {
  it("opens after so many failures in a row, for the function's own time", async () => {
    await failures(2);
    expect(await breaker()).toEqual({ state: "closed", failed: 2, openMs: null });
    expect(await failures(1)).toEqual({ state: "open", openForMs: 10_000 });
    expect(await breaker()).toEqual({ state: "open", failed: 3, openMs: 10_000 });
  });

  it("forgets failures after a success, and counts those that came after it", async () => {
    await failures(2);
    await failures(1, true);
    expect(await breaker()).toMatchObject({ state: "closed", failed: 1 });
    await failures(0, true);
    expect(await breaker()).toMatchObject({ state: "closed", failed: 0 });
  });

  it("is not written when nothing changes", async () => {
    expect(await failures(0, true)).toBeNull();
  });

  it("never opens where that is switched off", async () => {
    await patchFunction(test.db, account.accountId, account.functionId, { breaker: { failures: 0 } });
    expect(await failures(100)).toBeNull();
    expect(await breaker()).toMatchObject({ state: "closed", failed: 0 });
  });

  it("says nothing in a claim as long as nothing has failed", async () => {
    expect((await claimed()).function.breaker).toBeNull();
    await failures(1);
    expect((await claimed()).function.breaker).toMatchObject({ state: "closed" });
    await failures(2);
    expect((await claimed()).function.breaker).toMatchObject({
      state: "open",
      retryInMs: expect.any(Number),
      openSeconds: 10,
    });
  });
});

describe("an open breaker", () => {
  beforeEach(() => failures(3));

  it("does not heed what began before it opened", async () => {
    expect(await failures(5)).toBeNull();
    expect(await failures(0, true)).toBeNull();
    expect(await breaker()).toMatchObject({ state: "open", failed: 3 });
  });

  it("lets nobody try before its time", async () => {
    expect(await try_(await claimed())).toBe(false);
  });

  it("lets one of many try, also if they ask at once", async () => {
    await untilRetry();
    const claims = await Promise.all(Array.from({ length: 8 }, claimed));
    const may = await Promise.all(claims.map(try_));
    expect(may.filter(Boolean)).toHaveLength(1);
    // An answer that was cut off is given again.
    expect(await try_(claims[may.indexOf(true)] as ClaimedExecution)).toBe(true);
    expect(await breaker()).toMatchObject({ state: "half_open" });
  });

  it("closes when the try succeeds", async () => {
    await untilRetry();
    const claim = await claimed();
    await try_(claim);
    expect(await end(claim, "recovered")).toMatchObject({ state: "closed" });
    expect(await breaker()).toEqual({ state: "closed", failed: 0, openMs: null });
  });

  it("opens again for twice as long each time, five minutes at most, and begins anew once it was closed", async () => {
    const times: (number | null)[] = [];
    for (let i = 0; i < 6; i++) {
      await untilRetry();
      const claim = await claimed();
      await try_(claim);
      await end(claim, "failing");
      times.push((await breaker()).openMs);
    }
    expect(times).toEqual([20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    await untilRetry();
    const claim = await claimed();
    await try_(claim);
    await end(claim, "recovered");
    await failures(3);
    expect(await breaker()).toMatchObject({ openMs: 10_000 });
  });

  it("lets the next one try at once after a try that showed nothing", async () => {
    await untilRetry();
    const [one, two] = [await claimed(), await claimed()];
    await try_(one);
    expect(await end(one, "unknown")).toMatchObject({ state: "open" });
    expect(await try_(two)).toBe(true);
    expect(await end(one, "recovered")).toBeNull();
  });

  it("is not wedged by a try whose worker has died", async () => {
    await untilRetry();
    const [one, two] = [await claimed(), await claimed()];
    await try_(one);
    expect(await try_(two)).toBe(false);
    await untilRetry();
    expect(await try_(two)).toBe(false); // the first one still runs
    await test.db.execute(sql`update executions set attempt = 2 where id = ${one.executionId}`);
    expect(await try_(two)).toBe(true);
    expect(await end(one, "recovered")).toBeNull();
  });

  it("is closed by its account: what it has postponed may start at once, what waits for its next attempt waits on", async () => {
    const [claim, retried] = [await claimed(), await claimed()];
    await postpone(claim);
    const error = { code: "HTTP_STATUS", message: "answered 503" } as const;
    await retryExecution(test.db, worker, { ...retried, error, check: null, perform: null, retryInMs: 60_000 });
    expect(await resetBreaker(test.db, (await makeAccount(test.db)).accountId, account.functionId)).toBe(false);
    expect(await resetBreaker(test.db, account.accountId, account.functionId)).toBe(true);
    expect(await breaker()).toEqual({ state: "closed", failed: 0, openMs: null });
    expect(await claimExecutions(test.db, worker, [claim])).toHaveLength(1);
    expect((await read(retried.executionId)).availableAt.getTime()).toBeGreaterThan(Date.now() + 50_000);
  });

  it("is closed by a new URL: what was learnt is of another server", async () => {
    await patchFunction(test.db, account.accountId, account.functionId, { url: "http://127.0.0.1:10/" });
    expect(await breaker()).toMatchObject({ state: "closed", failed: 0 });
  });
});

describe("a postponed execution", () => {
  it("is pending at the same attempt, to start later, and leaves no record of the claim", async () => {
    const claim = await claimed();
    expect(await postpone(claim)).toEqual(["postponed"]);
    const row = await read(claim.executionId);
    expect(row).toMatchObject({ status: "pending", attempt: 1, worker: null, startedAt: null });
    expect(row.availableAt).toEqual(row.publishAt);
    expect(row.availableAt.getTime()).toBeGreaterThan(Date.now() + 50_000);
    expect(await rowsOf(test.db, sql`select from attempts where execution_id = ${claim.executionId}`)).toEqual([]);
    expect(await claimExecutions(test.db, worker, [claim])).toEqual([]);
  });

  it("is not made of one that is not this worker's, or whose job or which itself was stopped", async () => {
    const [mine, lost, cancelled, paused] = [await claimed(), await claimed(), await claimed(), await claimed()];
    await test.db.execute(sql`update executions set worker = 'another' where id = ${lost.executionId}`);
    await cancelExecution(test.db, account.accountId, cancelled.executionId);
    await pauseJob(test.db, account.accountId, paused.jobId);
    const wanted = [lost, mine, paused, cancelled].map((claim) => ({ ...claim, inMs: 60_000 }));
    expect(await postponeExecutions(test.db, worker, wanted)).toEqual(["lost", "postponed", "stopped", "cancelled"]);
    expect((await read(paused.executionId)).status).toBe("running");
  });

  it("is skipped by a pause and cancelled by a cancel, as anything that waits", async () => {
    const [one, two] = [await claimed(), await claimed()];
    await Promise.all([one, two].map((claim) => postpone(claim)));
    await pauseJob(test.db, account.accountId, one.jobId);
    expect(await read(one.executionId)).toMatchObject({ status: "skipped", skipReason: "paused" });
    expect(await cancelExecution(test.db, account.accountId, two.executionId)).toBe("cancelled");
  });
});
