import { ApiError } from "@belfry/contract/errors.ts";
import type { CreateJobBody } from "@belfry/contract/job.ts";
import type { Db } from "@belfry/db/client.ts";
import { createEach, createJob, type GroundedJob } from "@belfry/db/create-job.ts";
import type { JobWithLedger } from "@belfry/db/job-glance.ts";
import { type Ground, readGrounds } from "@belfry/db/new-job-ground.ts";
import { hasSqlState, pgCode } from "@belfry/db/pg-error.ts";
import { assertFits } from "./assert-payload.ts";
import { batchByAccount } from "./by-account.ts";

/** Creates one job. Throws ApiError as `createJob` does, and VALIDATION_ERROR for a payload that the function does not take. */
export type JobCreator = (
  accountId: string,
  body: CreateJobBody,
  idempotencyKey: string | null,
) => Promise<{ job: JobWithLedger; replayed: boolean }>;

/** Few enough that planning them holds nobody up. */
const MAX_TOGETHER = 100;
const PARALLEL = 3;

/**
 * What an account asks for while others of its jobs are being written is written together, in one commit: under load that is most
 * of what a create costs. A call with a key stands by itself, since it may be a replay; so does a schedule that may name calendars, which needs a transaction.
 */
export function createJobCreator(db: Db): JobCreator {
  const create = batchByAccount((accountId, bodies: CreateJobBody[]) => createTogether(db, accountId, bodies), {
    maxSize: MAX_TOGETHER,
    parallel: PARALLEL,
  });

  return async (accountId, body, key) => {
    if (key !== null || typeof body.schedule !== "string") return createAlone(db, accountId, body, key);
    const outcome = await create(accountId, body);
    if (outcome === "by itself") return createAlone(db, accountId, body, key);
    if (outcome instanceof ApiError) throw outcome;
    return { job: outcome, replayed: false };
  };
}

type Outcome = JobWithLedger | ApiError | "by itself";

/** By `statement_timeout`. */
const QUERY_CANCELLED = "57014";

async function createTogether(db: Db, accountId: string, bodies: readonly CreateJobBody[]): Promise<Outcome[]> {
  try {
    const grounds = await readGrounds(db, accountId, bodies);
    const wanted = bodies.map((body, i) => ({ body, ground: grounds[i] as Ground }));
    const outcomes = new Map<GroundedJob, Outcome>(wanted.map((one) => [one, refusalOf(one) ?? "by itself"]));
    // Of several with one name the first is written with the others; the database tells the rest that it is taken.
    const byName = new Map(wanted.toReversed().map((one) => [JSON.stringify([one.body.project, one.body.name]), one]));
    const written = [...byName.values()].filter((one) => outcomes.get(one) === "by itself");
    const results = await createEach(db, accountId, written);
    for (const [i, one] of written.entries()) outcomes.set(one, results[i] as Outcome);
    return wanted.map((one) => outcomes.get(one) as Outcome);
  } catch (error) {
    // None was written, and it is one of them that the database refuses or lets wait: the others are not to suffer for it.
    // Not so when the batch took too long: what is too much for the server would be still more by itself.
    if (bodies.length > 1 && hasSqlState(error) && pgCode(error) !== QUERY_CANCELLED)
      return bodies.map(() => "by itself");
    throw error;
  }
}

function refusalOf({ body, ground }: GroundedJob): ApiError | null {
  try {
    assertFits(ground.inputSchema, body.payload);
    return null;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

async function createAlone(db: Db, accountId: string, body: CreateJobBody, key: string | null) {
  const [ground] = await readGrounds(db, accountId, [body]);
  assertFits(ground?.inputSchema ?? null, body.payload);
  return createJob(db, accountId, body, key, ground);
}
