import type { Db } from "@belfry/db/client.ts";
import { answerTest, type ClaimedTest, claimTest } from "@belfry/db/function-tests.ts";
import { listen, TEST_CHANNEL } from "@belfry/db/listen.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { startLoop } from "@belfry/service/loop.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { runTest, type TestTools } from "./run-test.ts";

/** The notification is the fast way; it may have been missed. */
const LOOK_EVERY_MS = 2_000;
/** Tests at a time: people try things out, and what is planned goes first. */
const MAX_TESTS = 4;
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
  const underWay = new Set<Promise<void>>();
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
      await Promise.all(underWay);
    },
  };

  async function takeAll(): Promise<void> {
    while (underWay.size < MAX_TESTS && !stopping.signal.aborted) {
      const test = await claimTest(db, { ...worker, modules: [...tools.modules.keys()] });
      if (!test) return;
      const running = run(test).finally(() => {
        underWay.delete(running);
        loop.wake();
      });
      underWay.add(running);
    }
  }

  /** Never rejects: whoever waits is told nothing, and gives up in time. */
  async function run(test: ClaimedTest): Promise<void> {
    const fields = { test_id: test.id, function_id: test.function.id, account_id: test.accountId };
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(MAX_MS)]);
      await answerTest(db, test.id, await runTest(db, test, tools, signal));
      log.info(fields, "function tested");
    } catch (err) {
      log.warn({ ...fields, err }, "test could not be done");
    }
  }
}
