import { afterAll, beforeAll, expect, it } from "vitest";
import { measureThroughput } from "./belfry-throughput.ts";
import { measureBullmq } from "./bullmq-throughput.ts";
import { openServers, type Servers } from "./servers.ts";

/** A quarter of what is usual: a machine that is busy with other things passes, a slip by an order of magnitude does not. */
const LEAST_RATIO = 0.1;
const SIZE = { executions: 4_000, workers: 2, concurrency: 200 };

const all = new AsyncDisposableStack();
let servers: Servers;

beforeAll(async () => {
  servers = await openServers(process.env, all);
}, 120_000);
afterAll(() => all.disposeAsync(), 60_000);

it("does a fair share of the empty jobs that BullMQ alone does beside it, each with its record", async () => {
  // Once more if it was slow: something else may have had the machine just then.
  const ratio = await measureRatio();
  expect(ratio >= LEAST_RATIO ? ratio : await measureRatio()).toBeGreaterThanOrEqual(LEAST_RATIO);
});

/** Executions to empty jobs a second. The ledger is checked on the way. */
async function measureRatio(): Promise<number> {
  const bullmq = await measureBullmq(servers, "redis", SIZE, all);
  const belfry = await measureThroughput(servers, "redis", SIZE, all);
  return belfry.perSecond / bullmq.perSecond;
}
