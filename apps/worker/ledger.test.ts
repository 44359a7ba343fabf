import type { PhaseRecord } from "@belfry/contract/execution.ts";
import { type Database, openDatabase } from "@belfry/db/client.ts";
import type { Verdict } from "@belfry/db/executions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { markStopped } from "@belfry/db/workers.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { startTcpProxy, type TcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLedger } from "./ledger.ts";

let test: TestLedger;
let account: TestAccount;
let proxy: TcpProxy;
/** The worker's connections, through a network that the tests can break. */
let database: Database;

beforeAll(async () => {
  test = await openTestLedger();
  account = await makeAccount(test.db);
  proxy = await startTcpProxy(test.url);
  database = openDatabase({ url: proxy.url, applicationName: "test", onError: () => undefined });
  // Records are cleaned before they come here; should one slip through that Postgres refuses, it looks like this.
  for (const table of ["executions", "attempts"]) {
    await test.db.execute(
      sql`alter table ${sql.identifier(table)} add check (perform_phase::text not like '%poison%')`,
    );
  }
});
afterAll(async () => {
  await database.close();
  await proxy.close();
  await test.close();
});

/** A worker's hand in the ledger, what it logs, and its end. */
async function newHand() {
  const worker = await makeWorker(test.db);
  const lost = new AbortController();
  const lines: string[] = [];
  const log = createLogger("test", "warn", { write: (line) => lines.push(line) });
  return { worker, lost, lines, ledger: createLedger(database.db, worker, log, lost.signal) };
}

/** Pending manual runs of new jobs. */
const pendingRuns = (n: number, job: Record<string, unknown> = {}): Promise<string[]> =>
  Promise.all(
    Array.from({ length: n }, async () => {
      const jobId = await makeJob(test.db, account, { schedule: "0 0 1 1 *", ...job });
      return (await runJob(test.db, account.accountId, jobId))?.executionId as string;
    }),
  );

const record = (output: string): PhaseRecord => ({
  input: null,
  output,
  logs: [],
  error: null,
  started_at: new Date(0).toISOString(),
  duration_ms: 1,
});
const success = (executionId: string, output = "fine"): Verdict => ({
  executionId,
  attempt: 1,
  status: "success",
  skipReason: null,
  error: null,
  check: null,
  perform: record(output),
});
const error = { code: "FUNCTION_ERROR", message: "no" } as const;
const read = async (executionId: string) => {
  const found = await getExecution(test.db, account.accountId, executionId);
  return { ...found?.execution, attempts: found?.attempts };
};

describe("claims", () => {
  it("of many executions travel together and come back to whom they belong", async () => {
    const { ledger } = await newHand();
    const ids = await pendingRuns(20);
    const unknown = crypto.randomUUID();
    const claimed = await Promise.all([...ids, unknown].map((id) => ledger.claim(id, 1)));
    expect(claimed.map((c) => c?.executionId ?? null)).toEqual([...ids, null]);
  });

  it("of one message that came twice in one moment are one claim", async () => {
    const { ledger } = await newHand();
    const [id] = (await pendingRuns(1)) as [string];
    const claims = await Promise.all([ledger.claim(id, 1), ledger.claim(id, 1), ledger.claim(id, 1)]);
    expect(claims.filter(Boolean)).toHaveLength(1);
  });

  it("of an attempt that is over find nothing, beside the one that counts", async () => {
    const { ledger } = await newHand();
    const [id] = (await pendingRuns(1, { retry: { attempts: 2, backoff_ms: 0 } })) as [string];
    await ledger.claim(id, 1);
    await ledger.retry({ executionId: id, attempt: 1, error, check: null, perform: null, retryInMs: 0 });
    const [first, second] = await Promise.all([ledger.claim(id, 1), ledger.claim(id, 2)]);
    expect([first, second?.attempt]).toEqual([null, 2]);
  });

  it("are not kept from those that nobody holds by one that somebody does", async () => {
    const { worker, lost } = await newHand();
    const impatient = openDatabase({
      url: proxy.url,
      applicationName: "test",
      onError: () => undefined,
      deadlineMs: 2_500,
    });
    const ledger = createLedger(impatient.db, worker, createLogger("test", "silent"), lost.signal);
    const ids = await pendingRuns(5);
    await inTransaction(test.db, async (tx) => {
      await tx.execute(sql`select from executions where id = ${ids[2]} for update`);
      const claimed = await Promise.all(ids.map((id) => ledger.claim(id, 1)));
      expect(claimed.map((one) => one?.executionId)).toEqual(ids.toSpliced(2, 1, undefined as never));
    });
    await impatient.close();
  });

  it("fail while Postgres is away, so that the message is let go", async () => {
    const { ledger } = await newHand();
    const [id] = (await pendingRuns(1)) as [string];
    await proxy.cut();
    await expect(ledger.claim(id, 1)).rejects.toThrow();
    await proxy.restore();
    expect(await ledger.claim(id, 1)).toMatchObject({ executionId: id });
  });
});

describe("verdicts", () => {
  it("that Postgres refuses do not take the others of their batch with them", async () => {
    const { ledger, lines } = await newHand();
    const ids = await pendingRuns(15);
    await Promise.all(ids.map((id) => ledger.claim(id, 1)));
    const poisoned = [ids[3], ids[14]];
    const written = await Promise.all(
      ids.map((id) => ledger.finish(success(id, poisoned.includes(id) ? "poison" : "fine"))),
    );
    expect(written).toEqual(ids.map(() => true));
    for (const id of ids) {
      // That it succeeded is true, and is kept; only what it answered is not.
      expect(await read(id)).toMatchObject({
        status: "success",
        perform: poisoned.includes(id) ? null : { output: "fine" },
      });
    }
    expect(lines.map((line) => JSON.parse(line).execution_id).sort()).toEqual(poisoned.sort());
  });

  it("that Postgres refuses of what failed still end as failed", async () => {
    const { ledger } = await newHand();
    const [id] = (await pendingRuns(1)) as [string];
    await ledger.claim(id, 1);
    expect(await ledger.finish({ ...success(id, "poison"), status: "failed", error })).toBe(true);
    expect(await read(id)).toMatchObject({ status: "failed", error: { code: "FUNCTION_ERROR" }, perform: null });
  });

  it("of a claim that was lost are not written, beside others that are", async () => {
    const [mine, other] = [await newHand(), await newHand()];
    const [a, b] = (await pendingRuns(2)) as [string, string];
    await mine.ledger.claim(a, 1);
    await other.ledger.claim(b, 1);
    expect(await Promise.all([mine.ledger.finish(success(a)), mine.ledger.finish(success(b))])).toEqual([true, false]);
    expect(await read(b)).toMatchObject({ status: "running" });
  });

  it("wait while Postgres is away, and are written when it is back", async () => {
    const { ledger, lines } = await newHand();
    const [id] = (await pendingRuns(1)) as [string];
    await ledger.claim(id, 1);
    await proxy.cut();
    const finished = ledger.finish(success(id));
    await expect
      .poll(() => lines.filter((line) => line.includes("ledger does not answer")).length, { timeout: 10_000 })
      .toBeGreaterThanOrEqual(2);
    await proxy.restore();
    expect(await finished).toBe(true);
    expect(await read(id)).toMatchObject({ status: "success", perform: { output: "fine" } });
  });

  it("wait no longer when the worker has been counted as lost", async () => {
    const { ledger, worker, lost, lines } = await newHand();
    const [id, failed] = (await pendingRuns(2, { retry: { attempts: 2 } })) as [string, string];
    await Promise.all([ledger.claim(id, 1), ledger.claim(failed, 1)]);
    await proxy.cut();
    const waiting = Promise.allSettled([
      ledger.finish(success(id)),
      ledger.retry({ executionId: failed, attempt: 1, error, check: null, perform: null, retryInMs: 0 }),
    ]);
    await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    lost.abort();
    expect((await waiting).map((r) => r.status)).toEqual(["rejected", "rejected"]);
    await proxy.restore();
    await markStopped(test.db, worker);
    expect(await read(id)).toMatchObject({ status: "running" });
  });
});

describe("a failed attempt", () => {
  it("is recorded, and the next one becomes possible", async () => {
    const { ledger } = await newHand();
    const [id] = (await pendingRuns(1, { retry: { attempts: 2 } })) as [string];
    await ledger.claim(id, 1);
    expect(
      await ledger.retry({ executionId: id, attempt: 1, error, check: null, perform: record("half"), retryInMs: 0 }),
    ).toBe(true);
    expect(await read(id)).toMatchObject({
      status: "pending",
      attempt: 2,
      attempts: [{ outcome: "failed", error, perform: { output: "half" } }],
    });
  });

  it("whose record Postgres refuses is tried again all the same", async () => {
    const { ledger, lines } = await newHand();
    const [id] = (await pendingRuns(1, { retry: { attempts: 2 } })) as [string];
    await ledger.claim(id, 1);
    expect(
      await ledger.retry({ executionId: id, attempt: 1, error, check: null, perform: record("poison"), retryInMs: 0 }),
    ).toBe(true);
    expect(await read(id)).toMatchObject({
      status: "pending",
      attempt: 2,
      attempts: [{ outcome: "failed", error, perform: null }],
    });
    expect(lines).toHaveLength(1);
  });
});
