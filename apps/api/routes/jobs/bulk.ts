import { Readable } from "node:stream";
import { setImmediate as letOthersRun } from "node:timers/promises";
import { ApiError, type FieldError } from "@belfry/contract/errors.ts";
import { BULK_MAX_JOBS, createJobBody, jobsBodyOf } from "@belfry/contract/job.ts";
import { createJobs, fingerprintOf, type MadeJob } from "@belfry/db/create-jobs.ts";
import type { NewJob } from "@belfry/db/write-jobs.ts";
import { z } from "zod";
import { createdJobsAnswer, errorAnswers, importedJobsAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { bodyOrRefusal, payloadsOf } from "../../assert-payload.ts";
import { idempotencyHeaders } from "../../idempotency-headers.ts";
import { IMPORT_MAX_LINES, importJobs } from "../../import-jobs.ts";
import { checkBody, validatorCompiler } from "../../validate.ts";

const BODY_LIMIT = 16 * 1024 * 1024;
/** After so many jobs were checked, other requests have their turn. */
const SLICE = 100;
/** Of each refused call; more would only make the answer long. */
const MAX_DETAILS = 50;

/** The frame alone: the jobs in it are checked one by one, as one that is created by itself. */
const frame = jobsBodyOf(z.unknown());

export const bulkJobsRoute: Route = (app, { db, jobMetrics }) =>
  app.route({
    method: "POST",
    url: "/automation/jobs::bulk",
    bodyLimit: BODY_LIMIT,
    config: { bodyTypes: ["application/json", "application/x-ndjson"] },
    schema: {
      operationId: "createJobs",
      summary: "Create many jobs",
      description:
        `As JSON up to ${BULK_MAX_JOBS} jobs in up to 16 MiB: all of them are made or, if one is refused, none; the ` +
        "paths in `details` begin with its place, as in `jobs.3.schedule`. `Idempotency-Key` works as for a single job. " +
        `As lines (\`application/x-ndjson\`, one job a line, up to ${IMPORT_MAX_LINES} lines of up to 1 MiB) each job ` +
        "that can be made is made, by the thousand, and the answer (207) says which lines were refused and why. To send lines " +
        "again is safe: names are unique, so that a job that is there already is refused with `JOB_NAME_TAKEN`.",
      tags: ["jobs"],
      consumes: ["application/json", "application/x-ndjson"],
      headers: idempotencyHeaders,
      body: jobsBodyOf(createJobBody),
      response: {
        201: createdJobsAnswer,
        207: importedJobsAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "BAD_REQUEST",
          "JOB_NAME_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
          "SCHEDULE_INVALID",
          "IDEMPOTENCY_KEY_REUSED",
        ),
      },
    },
    validatorCompiler: (given) => (given.httpPart === "body" ? checkFrame : validatorCompiler(given as never)),
    async handler(request, reply) {
      const account = accountOf(request);
      const key = request.headers["idempotency-key"] ?? null;
      const body: unknown = request.body;
      const assertPayload = payloadsOf(db, account);
      if (body instanceof Readable) {
        if (key !== null) throw new ApiError("BAD_REQUEST", "Idempotency-Key is not taken with lines");
        const warn = (error: unknown) => request.log.warn({ err: error }, "jobs could not be imported");
        const imported = await importJobs(db, account, body, { assertPayload, onFailure: warn });
        const { lines, created, refused } = imported;
        jobMetrics.created(account, created);
        request.log.info({ account_id: account, lines, created, refused }, "jobs imported");
        return reply.code(207).send(imported);
      }
      const bodies = allOrRefused(await checkJobs((body as z.infer<typeof frame>).jobs, assertPayload));
      const { results, replayed } = await createJobs(db, account, withKeys(bodies, key), "all or nothing");
      const jobs = allOrRefused<MadeJob>(results);
      if (replayed) reply.header("idempotency-replayed", "true");
      else {
        jobMetrics.created(account, jobs.length);
        request.log.info({ account_id: account, created: jobs.length }, "jobs created");
      }
      return reply.code(201).send({ created: jobs.length, jobs: jobs.map(present) });
    },
  });

function checkFrame(sent: unknown): { value: unknown } | { error: ApiError } {
  if (sent instanceof Readable) return { value: sent };
  const checked = checkBody(frame, withoutJobs(sent ?? undefined));
  return checked instanceof ApiError ? { error: checked } : { value: sent };
}

/** What is checked of a body would be walked; of the jobs only their number counts here. */
function withoutJobs(sent: unknown): unknown {
  const { jobs } = Object(sent) as { jobs?: unknown };
  return Array.isArray(jobs) ? { ...(sent as object), jobs: jobs.map(() => null) } : sent;
}

async function checkJobs(
  jobs: unknown[],
  assertPayload: (job: NewJob["body"]) => Promise<void>,
): Promise<(NewJob["body"] | ApiError)[]> {
  const checked: (NewJob["body"] | ApiError)[] = [];
  for (const [i, job] of jobs.entries()) {
    if (i > 0 && i % SLICE === 0) await letOthersRun();
    const body = checkBody(createJobBody, job);
    checked.push(body instanceof ApiError ? body : await bodyOrRefusal(body, assertPayload));
  }
  return checked;
}

/** A key of the call is one for each of its jobs; no client can send one with a line break, so none meets a single job's. */
function withKeys(bodies: NewJob["body"][], key: string | null): NewJob[] {
  if (key === null) return bodies.map((body) => ({ body, idempotency: null }));
  const fingerprint = fingerprintOf(bodies);
  return bodies.map((body, i) => ({ body, idempotency: { key: `${key}\n${i}`, fingerprint } }));
}

/** Throws one ApiError for all that are refused: the code is that of the first, each path begins with the job's place. */
function allOrRefused<T>(results: (T | ApiError)[]): T[] {
  const refused = results.flatMap((result, i) =>
    result instanceof ApiError ? [{ at: `jobs.${i}`, why: result }] : [],
  );
  const [first] = refused;
  if (!first) return results as T[];
  const details = refused.flatMap(({ at, why }) => (why.details ?? []).map((detail) => within(at, detail)));
  throw new ApiError(first.why.code, `${first.at}: ${first.why.message}`, details.slice(0, MAX_DETAILS));
}

const within = (at: string, { path, ...rest }: FieldError): FieldError => ({
  path: path === "" ? at : `${at}.${path}`,
  ...rest,
});

const present = ({ id, name, nextRun }: MadeJob) => ({ id, name, next_run: nextRun?.toISOString() ?? null });
