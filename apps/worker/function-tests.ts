import type { FunctionTest } from "@belfry/contract/sandbox.ts";
import type { Db } from "@belfry/db/client.ts";
import { answerTest, type ClaimedTest, claimTest } from "@belfry/db/function-tests.ts";
import { listen, TEST_CHANNEL } from "@belfry/db/listen.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { startLoop } from "@belfry/service/loop.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { noTest, runTest, type TestTools } from "./run-test.ts";

/** The notification is the fast way; it may have been missed. */
const LOOK_EVERY_MS = 2_000;
/** Tests at a time: people try things out, and what is planned goes first. */
const MAX_TESTS = 4;
/** Of one account at a time: while they hang, another account's are run. */
const MAX_PER_ACCOUNT = MAX_TESTS / 2;
/** Accounts of which it is remembered that they had a turn. */
const REMEMBERED_ACCOUNTS = 100;
/** Nobody waits for a test for longer. */
const MAX_MS = 60_000;

type Tools = TestTools & { db: Db; log: Logger };

/** Runs the tests of functions that are asked of this worker's pool, beside what it takes off the queue. */
export function startFunctionTests(
  url: string,
  tools: Tools,
  worker: { id: string; pool: string },
): { stop(): Promise<void> } {
  const { db, log } = tools;
  const underWay = new Map<Promise<void>, string>();
  /** Accounts that had a turn, the one whose turn is longest ago first. */
  const turns = new Set<string>();
  const stopping = new AbortController();
  const loop = startLoop({ name: "function tests", everyMs: LOOK_EVERY_MS, log, runOnce: takeAll });
  const asked = listen(url, TEST_CHANNEL, {
    onNotify: (pool) => pool === worker.pool && loop.wake(),
    onConnect: () => loop.wake(),
    onError: rateLimited((error: Error) => log.warn({ err: error }, "connection for tests in trouble")),
  });

  return {
    async stop() {
      stopping.abort();
      await Promise.all([loop.stop(), asked.close()]);
      await Promise.all(underWay.keys());
    },
  };

  async function takeAll(): Promise<void> {
    while (underWay.size < MAX_TESTS && !stopping.signal.aborted) {
      const modules = [...tools.modules.keys()];
      const test = await claimTest(db, { ...worker, modules, turns: [...turns], except: busyAccounts() });
      if (!test) return;
      noteTurn(test.accountId);
      const running = run(test).finally(() => {
        underWay.delete(running);
        loop.wake();
      });
      underWay.set(running, test.accountId);
    }
  }

  function busyAccounts(): string[] {
    const accounts = [...underWay.values()];
    return [...new Set(accounts)].filter((one) => accounts.filter((other) => other === one).length >= MAX_PER_ACCOUNT);
  }

  function noteTurn(account: string): void {
    turns.delete(account);
    turns.add(account);
    if (turns.size <= REMEMBERED_ACCOUNTS) return;
    const [oldest] = turns;
    turns.delete(oldest as string);
  }

  /** Never rejects. */
  async function run(test: ClaimedTest): Promise<void> {
    const fields = { test_id: test.id, function_id: test.function.id, account_id: test.accountId };
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(MAX_MS)]);
      await answerTest(db, test.id, await outcomeOf(test, signal));
      log.info(fields, "function tested");
    } catch (err) {
      // Whoever waits is told nothing, and gives up in time.
      log.warn({ ...fields, err }, "test could not be answered");
    }
  }

  /** Whoever waits is told at once that it failed, and not why: what nobody foresaw is for the log. */
  async function outcomeOf(test: ClaimedTest, signal: AbortSignal): Promise<FunctionTest> {
    try {
      return await runTest(db, test, tools, signal);
    } catch (err) {
      log.warn({ test_id: test.id, function_id: test.function.id, err }, "test could not be done");
      return noTest({ code: "INTERNAL", message: "the worker could not run the test" });
    }
  }
}
