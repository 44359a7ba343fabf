import type { Readable } from "node:stream";
import { ApiError } from "@belfry/contract/errors.ts";
import { createJobBody, type ImportedJobs } from "@belfry/contract/job.ts";
import type { Db } from "@belfry/db/client.ts";
import { createJobs } from "@belfry/db/create-jobs.ts";
import type { NewJob } from "@belfry/db/write-jobs.ts";
import { errorBody, toApiError } from "./answer-error.ts";
import { bodyOrRefusal } from "./assert-payload.ts";
import { parseJson } from "./parse-json.ts";
import { type Line, LinesBroken, readLines } from "./read-lines.ts";
import { checkBody } from "./validate.ts";

/** So many lines that they are in within the 30 s that a request may take, also where a database is slow. */
export const IMPORT_MAX_LINES = 50_000;
/** As of a job that is created by itself. */
export const LINE_MAX_BYTES = 1024 * 1024;
const BATCH = { lines: 1_000, bytes: 4 * 1024 * 1024 };
/** Batches that are written at the same time: while Postgres is busy with one, the next is read and planned. */
const WRITERS = 2;
const MAX_ERRORS = 1_000;

type Outcome = { line: number; refused: ApiError | null };
type Checked = { line: number; body: NewJob["body"] | ApiError };

export type ImportHooks = {
  /** Throws ApiError for a payload that the job's function does not take. */
  assertPayload: (job: NewJob["body"]) => Promise<void>;
  /** Told of what is not the client's doing. */
  onFailure: (error: unknown) => void;
};

/**
 * Makes the jobs that are sent line by line, as JSON of `createJobBody` each. Batch by batch, in transactions of their own: of
 * each line it is known in the end whether its job was made. Stops at what makes it useless to go on, such as a database
 * that is away; what was made until then stays.
 */
export async function importJobs(
  db: Db,
  accountId: string,
  body: Readable,
  { assertPayload, onFailure }: ImportHooks,
): Promise<ImportedJobs> {
  const outcomes: Outcome[] = [];
  const underWay = new Set<Promise<void>>();
  let seen = 0;
  let failure: ApiError | null = null;
  let stopped: { line: number; why: ApiError } | null = null;

  try {
    for await (const lines of readLines(body, { maxBytes: LINE_MAX_BYTES, batch: BATCH })) {
      if (underWay.size >= WRITERS) await Promise.race(underWay);
      const first = (lines[0] as Line).line;
      if (failure) stopped = { line: first, why: failure };
      else if (seen + lines.length > IMPORT_MAX_LINES) stopped = { line: first, why: TOO_MANY };
      if (stopped) break;
      seen += lines.length;
      const writing = write(lines.map(readJob)).finally(() => underWay.delete(writing));
      underWay.add(writing);
    }
  } catch (error) {
    if (!(error instanceof LinesBroken)) throw error;
    stopped = { line: error.line, why: error.why };
  } finally {
    await Promise.all(underWay);
    // What is left is let through: a connection with something to read is never idle, and would be in the way of a shutdown.
    body.resume();
  }
  return summary(outcomes, stopped);

  async function write(lines: Checked[]): Promise<void> {
    const jobs = lines.flatMap(({ line, body }) => (body instanceof ApiError ? [] : [{ line, body }]));
    for (const { line, body } of lines) if (body instanceof ApiError) outcomes.push({ line, refused: body });
    try {
      outcomes.push(...(await writeJobs(jobs)));
    } catch (error) {
      onFailure(error);
      failure = toApiError(error);
      for (const { line } of jobs) outcomes.push({ line, refused: failure });
    }
  }

  async function writeJobs(jobs: { line: number; body: NewJob["body"] }[]): Promise<Outcome[]> {
    const ended: Outcome[] = [];
    const wanted: { line: number; job: NewJob }[] = [];
    for (const { line, body } of jobs) {
      const checked = await bodyOrRefusal(body, assertPayload);
      if (checked instanceof ApiError) ended.push({ line, refused: checked });
      else wanted.push({ line, job: { body: checked, idempotency: null } });
    }
    if (wanted.length === 0) return ended;
    const all = wanted.map(({ job }) => job);
    const { results } = await createJobs(db, accountId, all, "what can be");
    const made = wanted.map(({ line }, i) => ({ line, result: results[i] }));
    return [
      ...ended,
      ...made.map(({ line, result }) => ({ line, refused: result instanceof ApiError ? result : null })),
    ];
  }
}

function readJob({ line, bytes }: Line): Checked {
  try {
    return { line, body: checkBody(createJobBody, parseJson(bytes)) };
  } catch (error) {
    if (error instanceof ApiError) return { line, body: error };
    throw error;
  }
}

function summary(outcomes: Outcome[], stopped: { line: number; why: ApiError } | null): ImportedJobs {
  const refused = outcomes.flatMap(({ line, refused }) => (refused ? [{ line, why: refused }] : []));
  return {
    lines: outcomes.length,
    created: outcomes.length - refused.length,
    refused: refused.length,
    errors: refused
      .sort((a, b) => a.line - b.line)
      .slice(0, MAX_ERRORS)
      .map(lineError),
    stopped: stopped && lineError(stopped),
  };
}

const lineError = ({ line, why }: { line: number; why: ApiError }) => ({ line, ...errorBody(why) });

const TOO_MANY = new ApiError(
  "PAYLOAD_TOO_LARGE",
  `a call takes at most ${IMPORT_MAX_LINES} lines: send the rest in another one`,
);
