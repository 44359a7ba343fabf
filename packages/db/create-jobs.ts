/** New jobs in one transaction: all of them or none, or those that can be made. */
import { createHash } from "node:crypto";
import { ApiError } from "@belfry/contract/errors.ts";
import { and, eq, sql } from "drizzle-orm";
import { type Db, databaseNow } from "./client.ts";
import { usableFunctions } from "./functions.ts";
import { brokenConstraint } from "./pg-error.ts";
import { array } from "./sql-values.ts";
import { jobs } from "./tables/jobs.ts";
import { inTransaction } from "./transaction.ts";
import { type NewJob, type PlannedBy, ROWS_AT_ONCE, writeJobs } from "./write-jobs.ts";

/** What is said of each job of a call that makes many. */
export type MadeJob = Pick<typeof jobs.$inferSelect, "id" | "name" | "nextRun">;

/** For each job, in their order, what was written or why it was not; or the jobs that an earlier call with the same idempotency keys made. */
export type CreatedJobs =
  | { replayed: false; results: Awaited<ReturnType<typeof writeJobs>> }
  | { replayed: true; results: MadeJob[] };

/** Carries the answers out of a transaction that is to be undone. */
class NoneWritten extends Error {
  readonly results: (CreatedJobs & { replayed: false })["results"];
  constructor(results: NoneWritten["results"]) {
    super("some jobs are refused, so none is written");
    this.results = results;
  }
}

/**
 * Makes jobs. With "all or nothing" none is written if one is refused; the results of the others then say only what
 * would have been. The same idempotency keys with the same fingerprints give the jobs that the first call made.
 * Throws ApiError IDEMPOTENCY_KEY_REUSED for the keys of a call that wanted something else.
 */
export async function createJobs(
  db: Db,
  accountId: string,
  wanted: readonly NewJob[],
  mode: "all or nothing" | "what can be",
  plannedBy?: PlannedBy,
): Promise<CreatedJobs> {
  const earlier = await findEarlier(db, accountId, wanted);
  if (earlier) return { results: earlier, replayed: true };
  const write = async (tx: Db) => {
    const by = plannedBy ?? (await readPlannedBy(tx, accountId, wanted));
    const written = await writeJobs(tx, accountId, wanted, by);
    if (mode === "all or nothing" && written.some(isRefused)) throw new NoneWritten(written);
    return written;
  };
  try {
    return {
      results: isOneStatement(wanted, mode) ? await write(db) : await inTransaction(db, write),
      replayed: false,
    };
  } catch (error) {
    const sameKey = brokenConstraint(error) === "jobs_idempotency_key";
    if (!sameKey && !(error instanceof NoneWritten)) throw error;
    // Two calls with the same keys at once: the other has won, and this is its replay.
    const winner = await findEarlier(db, accountId, wanted);
    if (winner) return { results: winner, replayed: true };
    if (error instanceof NoneWritten) return { results: error.results, replayed: false };
    throw error;
  }
}

/**
 * Then it needs no transaction besides. One that is all or nothing may have to be undone, and calendars, which only forms
 * of a schedule can name, must not change until the jobs are written.
 */
const isOneStatement = (wanted: readonly NewJob[], mode: string): boolean =>
  (wanted.length === 1 || mode === "what can be") &&
  wanted.length <= ROWS_AT_ONCE &&
  wanted.every(({ body }) => typeof body.schedule === "string");

async function readPlannedBy(tx: Db, accountId: string, wanted: readonly NewJob[]): Promise<PlannedBy> {
  const usable = await usableFunctions(tx, accountId, new Set(wanted.map(({ body }) => body.function_id)));
  return { usable, now: await databaseNow(tx) };
}

const isRefused = (result: unknown): result is ApiError => result instanceof ApiError;

/** What stands for a request's content when its idempotency key comes again. */
export const fingerprintOf = (content: unknown): string =>
  createHash("sha256").update(JSON.stringify(content)).digest("hex");

/** The jobs that an earlier call with these keys made; null without keys or such a call. */
async function findEarlier(db: Db, accountId: string, wanted: readonly NewJob[]): Promise<MadeJob[] | null> {
  const keys = wanted.map(({ idempotency }) => idempotency?.key ?? "");
  if (!keys[0]) return null;
  const rows = await db
    .select({
      id: jobs.id,
      name: jobs.name,
      nextRun: jobs.nextRun,
      key: jobs.idempotencyKey,
      fingerprint: jobs.idempotencyFingerprint,
    })
    .from(jobs)
    .where(and(eq(jobs.accountId, accountId), sql`${jobs.idempotencyKey} = any(${array(keys, "text")})`));
  if (rows.length === 0) return null;
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return wanted.map(({ idempotency }) => {
    const row = byKey.get(idempotency?.key ?? "");
    if (row?.fingerprint !== idempotency?.fingerprint || !row) {
      throw new ApiError("IDEMPOTENCY_KEY_REUSED", "this Idempotency-Key was used with another body");
    }
    return { id: row.id, name: row.name, nextRun: row.nextRun };
  });
}
