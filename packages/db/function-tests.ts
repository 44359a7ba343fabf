/** Tests of functions, on their way from the API to a worker and back. No test is in the ledger. */
import type { FunctionTest, TestFunctionBody } from "@belfry/contract/sandbox.ts";
import { eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import type { FunctionRow } from "./functions.ts";
import { TEST_CHANNEL, TESTED_CHANNEL } from "./listen.ts";
import { newId } from "./new-id.ts";
import { functionTests } from "./tables/function-tests.ts";
import { functions } from "./tables/functions.ts";
import { inTransaction } from "./transaction.ts";

/** A worker that was silent for longer is not waited for. */
const ALIVE_SECONDS = 10;

/**
 * Asks the workers of a pool for a test, which is theirs to begin for `waitMs`. Null if no worker of the pool is alive;
 * of a module, none that has it.
 */
export async function askForTest(
  db: Db,
  { accountId, fn, request, waitMs }: { accountId: string; fn: FunctionRow; request: TestFunctionBody; waitMs: number },
): Promise<string | null> {
  const { rows } = await db.execute(sql`
    select from workers
    where pool = ${request.pool} and stopped_at is null and last_seen_at > now() - make_interval(secs => ${ALIVE_SECONDS})
      and (${fn.module}::text is null or ${fn.module} = any(modules))
    limit 1`);
  if (rows.length === 0) return null;
  const id = newId();
  const expiresAt = sql`now() + make_interval(secs => ${waitMs} / 1000.0)`;
  await inTransaction(db, async (tx) => {
    await tx.insert(functionTests).values({ id, accountId, functionId: fn.id, pool: request.pool, request, expiresAt });
    await tx.execute(sql`select pg_notify(${TEST_CHANNEL}, ${request.pool})`);
  });
  return id;
}

export type ClaimedTest = { id: string; accountId: string; request: TestFunctionBody; function: FunctionRow };

export type TestWorker = {
  id: string;
  pool: string;
  /** Those that it has. */
  modules: readonly string[];
  /** Accounts whose tests it has run, the last one at the end: they go behind those of others, in this order. */
  turns?: readonly string[];
  /** Accounts whose tests it does not take at the moment. */
  except?: readonly string[];
};

/** Takes the next test of the pool that this worker can do. Null if there is none. */
export async function claimTest(db: Db, worker: TestWorker): Promise<ClaimedTest | null> {
  const { turns = [], except = [] } = worker;
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.execute<{ id: string }>(sql`
      select t.id from function_tests t join functions f on f.id = t.function_id
      where t.worker is null and t.pool = ${worker.pool} and t.expires_at > now()
        and (f.module is null or f.module = any(${sql.param(worker.modules)}::text[]))
        and t.account_id <> all(${sql.param(except)}::uuid[])
      order by coalesce(array_position(${sql.param(turns)}::uuid[], t.account_id), 0), t.id limit 1
      for update of t skip locked`);
    const id = rows[0]?.id;
    if (id === undefined) return null;
    const [test] = await tx
      .update(functionTests)
      .set({ worker: worker.id })
      .where(eq(functionTests.id, id))
      .returning();
    const [fn] = await tx
      .select()
      .from(functions)
      .where(eq(functions.id, (test as TestRow).functionId));
    const { accountId, request } = test as TestRow;
    return { id, accountId, request, function: fn as FunctionRow };
  });
}

type TestRow = typeof functionTests.$inferSelect;

/** Writes what a test came to, and wakes whoever waits for it. */
export async function answerTest(db: Db, id: string, answer: FunctionTest): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.update(functionTests).set({ answer }).where(eq(functionTests.id, id));
    await tx.execute(sql`select pg_notify(${TESTED_CHANNEL}, ${id})`);
  });
}

/** The answer of a test, if there is one by now; then its row is gone. */
export async function takeAnswer(db: Db, id: string): Promise<FunctionTest | null> {
  const { rows } = await db.execute<{ answer: FunctionTest }>(sql`
    delete from function_tests where id = ${id} and answer is not null returning answer`);
  return rows[0]?.answer ?? null;
}

/** Nobody waits for it any more: a worker that has not begun it shall not. */
export async function forgetTest(db: Db, id: string): Promise<void> {
  await db.delete(functionTests).where(eq(functionTests.id, id));
}

/** Lets go of what was left behind for more than ten minutes. Returns how many. */
export async function forgetOldTests(db: Db): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from function_tests where created_at < now() - interval '10 minutes'`);
  return rowCount ?? 0;
}
