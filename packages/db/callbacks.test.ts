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
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CallbackKey } from "./callback-token.ts";
import {
  acceptCallback,
  answerCallback,
  closeCallbacks,
  forgetCallbacks,
  heartbeatCallback,
  readCallbacks,
} from "./callbacks.ts";
import { claimExecutions, finishExecutions, recordLost } from "./executions.ts";
import { runJob } from "./jobs.ts";
import { markStopped } from "./workers.ts";

let test: TestLedger;
let account: TestAccount;

beforeAll(async () => {
  test = await openTestLedger();
  account = await makeAccount(test.db);
});
afterAll(() => test.close());

/** A phase of an execution that runs, and its worker. */
async function running(): Promise<{ key: CallbackKey; worker: string }> {
  const worker = await makeWorker(test.db);
  const jobId = await makeJob(test.db, account, { schedule: "0 0 1 1 *" });
  const executionId = (await runJob(test.db, account.accountId, jobId))?.executionId as string;
  await claimExecutions(test.db, worker, [{ executionId, attempt: 1 }]);
  return { key: { executionId, attempt: 1, phase: "perform" }, worker };
}
const answer = (key: CallbackKey, text = '{"output":1}') => answerCallback(test.db, key, text);
const accept = (key: CallbackKey) => acceptCallback(test.db, key);
const close = async (key: CallbackKey) => (await closeCallbacks(test.db, [key]))[0];
const end = ({ executionId, attempt }: CallbackKey, worker: string) =>
  finishExecutions(test.db, worker, [
    { executionId, attempt, status: "success", skipReason: null, error: null, check: null, perform: null },
  ]);

describe("an answer", () => {
  it("is there for the worker, whether it comes after the 202 or before", async () => {
    const [{ key: late }, { key: early }] = [await running(), await running()];
    expect(await accept(late)).toEqual({ answer: null, heartbeatAt: null });
    expect(await answer(late)).toBe("accepted");
    expect(await readCallbacks(test.db, [early, late])).toMatchObject([null, { answer: '{"output":1}' }]);
    expect(await answer(early)).toBe("accepted");
    expect(await accept(early)).toMatchObject({ answer: '{"output":1}' });
  });

  it("counts once: the same is accepted again, another is not", async () => {
    const { key, worker } = await running();
    const answers = await Promise.all(["1", "2", "3"].map((n) => answer(key, `{"output":${n}}`)));
    expect(answers.sort()).toEqual(["accepted", "answered", "answered"]);
    const [state] = await readCallbacks(test.db, [key]);
    expect(await answer(key, state?.answer as string)).toBe("accepted");
    await end(key, worker);
    expect(await answer(key, state?.answer as string)).toBe("accepted");
    expect(await answer(key, "4")).toBe("answered");
  });

  it("is too late once the attempt has ended, was lost or is not the one that runs", async () => {
    const [ended, lost] = [await running(), await running()];
    await end(ended.key, ended.worker);
    expect(await answer(ended.key)).toBe("closed");
    await markStopped(test.db, lost.worker);
    await recordLost(test.db, { error: { code: "WORKER_LOST", message: "" }, limit: 10 });
    expect(await answer(lost.key)).toBe("closed");
    expect(await answer({ ...lost.key, attempt: 2 })).toBe("closed"); // it is pending
    expect(await heartbeatCallback(test.db, lost.key)).toBe("closed");
    expect(await answer({ ...lost.key, executionId: crypto.randomUUID() })).toBe("unknown");
  });

  it("to a check is refused once its perform is known of, for then the check was answered in its response", async () => {
    const { key: perform, worker } = await running();
    const check = { ...perform, phase: "check" } as const;
    expect(await heartbeatCallback(test.db, check)).toBe("accepted");
    await accept(perform);
    expect(await answer(check)).toBe("answered");
    expect(await heartbeatCallback(test.db, check)).toBe("answered");
    expect(await readCallbacks(test.db, [check])).toMatchObject([{ answer: null }]);
    await end(perform, worker);
    expect(await answer(check)).toBe("closed");
  });

  it("to a check that was answered by a call stays answered when its perform is known of", async () => {
    const { key: perform } = await running();
    const check = { ...perform, phase: "check" } as const;
    expect(await answer(check)).toBe("accepted");
    await accept(perform);
    expect(await answer(check)).toBe("accepted");
    expect(await answer(check, '{"output":2}')).toBe("answered");
  });

  it("may hold what Postgres does not take for JSON", async () => {
    const { key } = await running();
    const text = JSON.stringify({ output: "a\u0000b\ud800" });
    expect(await answer(key, text)).toBe("accepted");
    expect((await readCallbacks(test.db, [key]))[0]?.answer).toBe(text);
  });
});

describe("the end of the waiting", () => {
  it("is final: no answer counts after it", async () => {
    const [{ key: taken }, { key: silent }] = [await running(), await running()];
    await accept(taken);
    expect(await closeCallbacks(test.db, [taken, silent])).toEqual([null, null]);
    for (const key of [taken, silent]) {
      expect(await answer(key)).toBe("closed");
      expect(await heartbeatCallback(test.db, key)).toBe("closed");
    }
  });

  it("gives an answer that was faster, which counts", async () => {
    const { key } = await running();
    await answer(key);
    expect(await close(key)).toBe('{"output":1}');
    expect(await answer(key)).toBe("accepted");
  });

  it("and an answer at the same moment: one of the two has the last word", async () => {
    for (let round = 0; round < 20; round++) {
      const { key } = await running();
      const [answered, closed] = await Promise.all([answer(key), close(key)]);
      expect([answered, closed]).toEqual(answered === "accepted" ? ["accepted", '{"output":1}'] : ["closed", null]);
    }
  });
});

it("keeps the latest sign of life, until there is an answer", async () => {
  const { key } = await running();
  expect(await heartbeatCallback(test.db, key)).toBe("accepted");
  const first = (await accept(key)).heartbeatAt as number;
  await test.db.execute(
    sql`update callbacks set heartbeat_at = now() - interval '1 minute' where execution_id = ${key.executionId}`,
  );
  expect(await heartbeatCallback(test.db, key)).toBe("accepted");
  expect((await readCallbacks(test.db, [key]))[0]?.heartbeatAt).toBeGreaterThanOrEqual(first);
  await answer(key);
  expect(await heartbeatCallback(test.db, key)).toBe("answered");
});

it("forgets what is a day old, save for what still runs", async () => {
  const [over, open] = [await running(), await running()];
  await Promise.all([answer(over.key), answer(open.key)]);
  await end(over.key, over.worker);
  expect(await forgetCallbacks(test.db)).toBe(0);
  await test.db.execute(
    sql`update callbacks set created_at = now() - interval '25 hours' where execution_id in (${over.key.executionId}, ${open.key.executionId})`,
  );
  expect(await forgetCallbacks(test.db)).toBe(1);
  expect(
    await rowsOf(test.db, sql`select execution_id from callbacks where created_at < now() - interval '1 day'`),
  ).toEqual([{ execution_id: open.key.executionId }]);
});
