import { patchFunctionBody } from "@belfry/contract/function.ts";
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
import { patchAccount } from "./accounts.ts";
import { claimGated, leaveGates } from "./claim-gated.ts";
import { cancelExecution, claimExecutions, finishExecutions, recordLost, retryExecution } from "./executions.ts";
import { patchFunction } from "./functions.ts";
import { lockGates } from "./gates.ts";
import { pauseJob, runJob } from "./jobs.ts";
import { takeForPublish } from "./outbox.ts";
import { array } from "./sql-values.ts";
import { tendGates } from "./tend-gates.ts";
import { inTransaction } from "./transaction.ts";
import { markStopped } from "./workers.ts";

let test: TestLedger;
let account: TestAccount;
let worker: string;

beforeAll(async () => {
  test = await openTestLedger();
  worker = await makeWorker(test.db);
});
afterAll(() => test.close());
beforeEach(async () => {
  account = await makeAccount(test.db);
});

type Message = { executionId: string; attempt: number };

const limit = (body: Record<string, unknown>) =>
  patchFunction(test.db, account.accountId, account.functionId, patchFunctionBody.parse(body));

/** Manual runs of one job, as their messages say, in the order of their occurrences. */
async function runs(count: number, functionId = account.functionId): Promise<Message[]> {
  const jobId = await makeJob(test.db, { ...account, functionId }, { schedule: "0 0 1 1 *" });
  const messages: Message[] = [];
  for (let i = 0; i < count; i++) {
    const { executionId } = (await runJob(test.db, account.accountId, jobId)) as { executionId: string };
    messages.push({ executionId, attempt: 1 });
  }
  return messages;
}
/** As a worker does with what is on the queue. */
async function claim(messages: readonly Message[], by = worker): Promise<string[]> {
  const free = await claimExecutions(test.db, by, messages);
  const rest = messages.filter(({ executionId }) => !free.some((c) => c.executionId === executionId));
  return [...free, ...(await claimGated(test.db, by, rest))].map(({ executionId }) => executionId).sort();
}
const ids = (messages: readonly Message[]): string[] => messages.map(({ executionId }) => executionId);
/** Ends attempts with success, as a worker does. */
async function end(executionIds: readonly string[], by = worker): Promise<void> {
  const verdict = { attempt: 1, status: "success", skipReason: null, error: null, check: null, perform: null } as const;
  await finishExecutions(
    test.db,
    by,
    executionIds.map((executionId) => ({ executionId, ...verdict })),
  );
  await leaveGates(test.db, executionIds);
}
/** What the scheduler would put on the queue now, of these. */
async function published(of: readonly Message[]): Promise<Message[]> {
  const wanted = new Set(ids(of));
  return (await takeForPublish(test.db, 10_000))
    .filter(({ executionId }) => wanted.has(executionId))
    .sort((a, b) => (a.executionId < b.executionId ? -1 : 1));
}
const states = async (of: readonly Message[]): Promise<string[]> =>
  (
    await rowsOf<{ status: string }>(
      test.db,
      sql`select status from executions where id = any(${array(ids(of), "uuid")}) order by id`,
    )
  ).map(({ status }) => status);

describe("a limit of attempts at once", () => {
  it("is never exceeded by workers who claim at the same time", async () => {
    await limit({ max_concurrency: 5 });
    const messages = await runs(40);
    const workers = await Promise.all(Array.from({ length: 8 }, () => makeWorker(test.db)));
    const claimed = await Promise.all(workers.map((by, i) => claim(messages.slice(i * 5, i * 5 + 5), by)));
    expect(claimed.flat()).toHaveLength(5);
    expect((await states(messages)).filter((status) => status === "running")).toHaveLength(5);
  });

  it("makes what does not fit wait off the queue, and lets it go in the order of the occurrences", async () => {
    await limit({ max_concurrency: 2 });
    const messages = await runs(5);
    await published(messages);
    expect(await claim(messages)).toEqual(ids(messages.slice(0, 2)));
    expect(await published(messages)).toEqual([]);
    await end(ids(messages.slice(0, 1)));
    const next = await published(messages);
    expect(ids(next)).toEqual(ids(messages.slice(2, 3)));
    expect(next[0]).toMatchObject({ attempt: 1, dispatch: 2 });
    expect(await claim(next)).toEqual(ids(next));
    await end(ids(messages.slice(1, 3)));
    expect(ids(await published(messages))).toEqual(ids(messages.slice(3)));
  });

  it("keeps a place for what was let go, and lets nobody overtake those who wait", async () => {
    await limit({ max_concurrency: 1 });
    const [first, second, third] = (await runs(3)) as [Message, Message, Message];
    await claim([first]);
    await claim([second]);
    await end([first.executionId]);
    const late = await runs(1);
    expect(await claim([third, ...late])).toEqual([]);
    expect(await claim([second])).toEqual([second.executionId]);
  });

  it("gives the place to another when what was let go never comes", async () => {
    await limit({ max_concurrency: 1 });
    const [first, second, third] = (await runs(3)) as [Message, Message, Message];
    expect(await claim([first, second, third])).toEqual([first.executionId]);
    await end([first.executionId]);
    expect(ids(await published([second, third]))).toEqual([second.executionId]);
    await test.db.execute(
      sql`update executions set available_at = now() - interval '4 seconds' where id = ${second.executionId}`,
    );
    await tendGates(test.db);
    expect(await claim([third])).toEqual([third.executionId]);
    expect(await claim([second])).toEqual([]);
  });

  it("counts by what runs, and not by what was noted", async () => {
    await limit({ max_concurrency: 1 });
    const [first, second] = (await runs(2)) as [Message, Message];
    await test.db.execute(
      sql`insert into gate_holds (gate_id, execution_id, attempt) values (${account.functionId}, ${second.executionId}, 1)`,
    );
    expect(await claim([first])).toEqual([first.executionId]);
  });

  it("is free again when a worker was lost with what it ran", async () => {
    await limit({ max_concurrency: 2 });
    const messages = await runs(4);
    const dying = await makeWorker(test.db);
    expect(await claim(messages, dying)).toHaveLength(2);
    await markStopped(test.db, dying);
    await recordLost(test.db, { error: { code: "WORKER_LOST", message: "" }, limit: 100 });
    await tendGates(test.db);
    const again = await published(messages);
    // Two that were lost, and are to be tried again, and two that waited: as many run as may.
    expect(again.map(({ attempt }) => attempt).sort()).toEqual([1, 1, 2, 2]);
    expect(await claim(again)).toHaveLength(2);
  });

  it("is free again when an attempt failed and is to be tried again", async () => {
    await limit({ max_concurrency: 1 });
    const [first, second] = (await runs(2)) as [Message, Message];
    expect(await claim([first, second])).toEqual([first.executionId]);
    const error = { code: "FUNCTION_ERROR", message: "" } as const;
    const failed = { ...first, error, check: null, perform: null, retryInMs: 60_000 };
    expect(await retryExecution(test.db, worker, failed)).toBe(true);
    await leaveGates(test.db, [first.executionId]);
    expect(ids(await published([first, second]))).toEqual([second.executionId]);
    expect(await claim([second])).toEqual([second.executionId]);
  });
});

describe("a limit of starts in a time", () => {
  it("holds in every window, however the claims come", async () => {
    const rate = { starts: 7, per_seconds: 1 };
    await limit({ rate_limit: rate });
    const messages = await runs(30);
    const workers = await Promise.all(Array.from({ length: 3 }, () => makeWorker(test.db)));
    const began = new Set<string>();
    for (let waiting = messages; began.size < messages.length; waiting = await published(messages)) {
      const shares = workers.map((by, i) => claim(waiting.filter((_, n) => n % 3 === i).reverse(), by));
      for (const executionId of (await Promise.all(shares)).flat()) began.add(executionId);
      await tendGates(test.db);
    }
    const starts = await rowsOf<{ ms: number }>(
      test.db,
      sql`select (extract(epoch from started_at) * 1000)::float8 as ms from executions
          where id = any(${array(ids(messages), "uuid")}) order by started_at`,
    );
    expect(starts).toHaveLength(30);
    for (const { ms } of starts) {
      const inWindow = starts.filter((other) => other.ms >= ms && other.ms < ms + rate.per_seconds * 1_000);
      expect(inWindow.length).toBeLessThanOrEqual(rate.starts);
    }
  });

  it("records as the start the moment from which it counts, after all waiting for others", async () => {
    await limit({ rate_limit: { starts: 1, per_seconds: 1 } });
    const [message] = (await runs(1)) as [Message];
    const holding = inTransaction(test.db, async (tx) => {
      await lockGates(tx, [account.functionId]);
      const claiming = claim([message]);
      const waits = sql`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await expect.poll(() => rowsOf(test.db, waits), { interval: 5 }).toHaveLength(1);
      const [moment] = await rowsOf<{ at: string }>(test.db, sql`select clock_timestamp()::text as at`);
      return { claiming, at: moment?.at as string };
    });
    const { claiming, at } = await holding;
    await claiming;
    const later = sql`select id from executions where id = ${message.executionId}
      and started_at >= date_trunc('milliseconds', ${at}::timestamptz)`;
    expect(await rowsOf(test.db, later)).toHaveLength(1);
  });

  it("says when the next has its turn", async () => {
    await limit({ rate_limit: { starts: 1, per_seconds: 3_600 } });
    expect(await claim(await runs(2))).toHaveLength(1);
    const { released, nextInMs } = await tendGates(test.db);
    expect(released).toBe(0);
    expect(nextInMs).toBeGreaterThan(3_000_000);
    expect(nextInMs).toBeLessThanOrEqual(3_600_000);
    await limit({ rate_limit: null });
    await tendGates(test.db);
  });
});

describe("a function's and its account's limits together", () => {
  it("hold both, without anybody waiting for ever", async () => {
    const other = (await makeAccount(test.db)).functionId;
    await test.db.execute(
      sql`update functions set account_id = ${account.accountId}, name = 'other' where id = ${other}`,
    );
    await patchAccount(test.db, account.accountId, { max_concurrency: 4 });
    await limit({ max_concurrency: 3 });
    await patchFunction(test.db, account.accountId, other, { max_concurrency: 3 });
    const [ofOne, ofOther] = [await runs(20), await runs(20, other)];
    const messages = [...ofOne, ...ofOther];
    const workers = await Promise.all(Array.from({ length: 4 }, () => makeWorker(test.db)));
    let ended = 0;
    for (let waiting = messages; ended < messages.length; waiting = await published(messages)) {
      const shares = workers.map(async (by, i) => {
        const mine = waiting.filter((_, n) => n % 4 === i);
        return { by, claimed: await claim(i % 2 === 0 ? mine : mine.reverse(), by) };
      });
      const claims = await Promise.all(shares);
      const count = async (of: Message[]) => (await states(of)).filter((status) => status === "running").length;
      const [one, two] = [await count(ofOne), await count(ofOther)];
      expect(Math.max(one, two)).toBeLessThanOrEqual(3);
      expect(one + two).toBeLessThanOrEqual(4);
      expect(one + two).toBeGreaterThan(0);
      await Promise.all(claims.map(({ by, claimed }) => end(claimed, by)));
      ended += claims.flatMap(({ claimed }) => claimed).length;
      await tendGates(test.db);
    }
    expect(new Set(await states(messages))).toEqual(new Set(["success"]));
  });
});

describe("what waits at a gate", () => {
  it("is skipped by a pause, and cancelled by a cancellation, as what waits for a worker", async () => {
    await limit({ max_concurrency: 1 });
    const [running, cancelled, paused] = (await runs(3)) as [Message, Message, Message];
    await claim([running, cancelled, paused]);
    expect(await cancelExecution(test.db, account.accountId, cancelled.executionId)).toBe("cancelled");
    const [job] = await rowsOf<{ id: string }>(
      test.db,
      sql`select job_id as id from executions where id = ${paused.executionId}`,
    );
    await pauseJob(test.db, account.accountId, job?.id as string);
    expect(await states([running, cancelled, paused])).toEqual(["running", "cancelled", "skipped"]);
    await end([running.executionId]);
    await tendGates(test.db);
    expect(await published([running, cancelled, paused])).toEqual([]);
  });

  it("goes as soon as the limit is raised, stays when it is lowered, and goes when it is taken away", async () => {
    await limit({ max_concurrency: 1 });
    const messages = await runs(6);
    expect(await claim(messages)).toHaveLength(1);
    await limit({ max_concurrency: 3 });
    await tendGates(test.db);
    expect(await claim(await published(messages))).toHaveLength(2);
    await limit({ max_concurrency: 1 });
    await end(ids(messages.slice(0, 1)));
    await tendGates(test.db);
    expect(await published(messages)).toEqual([]);
    await limit({ max_concurrency: null });
    await tendGates(test.db);
    const rest = await published(messages);
    expect(rest).toHaveLength(3);
    expect(await claim(rest)).toHaveLength(3);
    await tendGates(test.db);
    expect(await rowsOf(test.db, sql`select id from gates where id = ${account.functionId}`)).toEqual([]);
  });

  it("finds that what ran before there was a limit is counted", async () => {
    const messages = await runs(5);
    expect(await claim(messages.slice(0, 3))).toHaveLength(3);
    await limit({ max_concurrency: 3 });
    expect(await claim(messages.slice(3))).toEqual([]);
    await end(ids(messages.slice(0, 1)));
    await tendGates(test.db);
    expect(await claim(await published(messages))).toEqual(ids(messages.slice(3, 4)));
  });

  it("is let go if its gate is gone", async () => {
    await limit({ max_concurrency: 1 });
    const messages = await runs(2);
    await claim(messages);
    await test.db.execute(sql`delete from gates where id = ${account.functionId}`);
    await tendGates(test.db);
    expect(ids(await published(messages))).toEqual(ids(messages.slice(1)));
  });
});

it("leaves what has no limit alone", async () => {
  const messages = await runs(2);
  expect(await claimGated(test.db, worker, messages)).toEqual([]);
  expect(await claim(messages)).toEqual(ids(messages));
  const holds = sql`select gate_id from gate_holds where execution_id = any(${array(ids(messages), "uuid")})`;
  expect(await rowsOf(test.db, holds)).toEqual([]);
});
