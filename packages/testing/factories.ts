import { randomBytes } from "node:crypto";
import type { CreateFunctionBody } from "@belfry/contract/function.ts";
import { createFunctionBody } from "@belfry/contract/function.ts";
import { createJobBody } from "@belfry/contract/job.ts";
import { createAccount } from "@belfry/db/accounts.ts";
import { type Db, openDatabase } from "@belfry/db/client.ts";
import { createJob } from "@belfry/db/create-job.ts";
import { createFunction } from "@belfry/db/functions.ts";
import { registerWorker } from "@belfry/db/workers.ts";
import { type SQL, sql } from "drizzle-orm";
import { createTestDatabase } from "./database.ts";

export type TestLedger = {
  db: Db;
  url: string;
  /** Closes the connections and drops the database. */
  close(): Promise<void>;
};

/** A fresh, migrated database with a pool of connections. */
export async function openTestLedger(): Promise<TestLedger> {
  const { url, drop } = await createTestDatabase();
  // Idle connections break when a test ends or restarts the server; the pool replaces them.
  const { db, close } = openDatabase({ url, applicationName: "test", onError: () => undefined, keepPlans: true });
  return {
    db,
    url,
    async close() {
      await close();
      await drop();
    },
  };
}

export type TestAccount = { accountId: string; key: string; functionId: string };

/** An account with a key and one HTTP function, which nobody serves unless `fn` says where. */
export async function makeAccount(db: Db, fn: Partial<CreateFunctionBody> = {}): Promise<TestAccount> {
  const key = `test_${randomBytes(20).toString("hex")}`;
  const { accountId } = await createAccount(db, { name: "test", key, role: "member" });
  const body = createFunctionBody.parse({ name: "fn", kind: "http", url: "http://127.0.0.1:9/", ...fn });
  const { id: functionId } = await createFunction(db, accountId, body);
  return { accountId, key, functionId };
}

/** A job of the account, `@every 1s` and with overlap allowed unless told otherwise. Returns its id. */
export async function makeJob(
  db: Db,
  { accountId, functionId }: TestAccount,
  body: Record<string, unknown> = {},
): Promise<string> {
  const defaults = {
    name: `job ${randomBytes(4).toString("hex")}`,
    function_id: functionId,
    schedule: "@every 1s",
    overlap: { policy: "allow" },
  };
  const { job } = await createJob(db, accountId, createJobBody.parse({ ...defaults, ...body }), null);
  return job.id;
}

/** A worker that lives, as far as the ledger knows. Returns its id. */
export async function makeWorker(db: Db, id = `worker-${randomBytes(4).toString("hex")}`): Promise<string> {
  await registerWorker(db, { id, pool: "default", host: "test", pid: 1, concurrency: 1, modules: [] });
  return id;
}

/** Rows of a query, for a test to look at what is really stored. */
export async function rowsOf<T extends Record<string, unknown>>(db: Db, query: SQL): Promise<T[]> {
  return (await db.execute(query)).rows as T[];
}

/** Moves a job's clock: its next run becomes `seconds` ago, to the millisecond of an occurrence of `@every 1s`. */
export async function makeDue(db: Db, jobId: string, seconds = 0): Promise<void> {
  await db.execute(sql`
    update jobs set
      planned_from = planned_from - make_interval(secs => ${seconds + 1}),
      next_run = to_timestamp((schedule_spec->>'anchor')::float8 / 1000) - make_interval(secs => ${seconds}),
      schedule_spec = jsonb_set(schedule_spec::jsonb, '{anchor}', to_jsonb((schedule_spec->>'anchor')::float8 - ${(seconds + 1) * 1000}))
    where id = ${jobId}`);
}
