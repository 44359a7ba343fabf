import { createJobBody } from "@belfry/contract/job.ts";
import { createJob } from "@belfry/db/jobs.ts";
import { readGround } from "@belfry/db/new-job-ground.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { assertFits } from "../../assert-payload.ts";
import { idempotencyHeaders } from "../../idempotency-headers.ts";
import { presentJob } from "../../present-job.ts";

export const createJobRoute: Route = (app, { db, jobMetrics }) =>
  app.route({
    method: "POST",
    url: "/automation/jobs",
    schema: {
      operationId: "createJob",
      summary: "Create a job",
      description:
        "Sent again with the same `Idempotency-Key` and the same body, it answers with the job that the first call made and the header `Idempotency-Replayed: true`.",
      tags: ["jobs"],
      headers: idempotencyHeaders,
      body: createJobBody,
      response: {
        201: jobAnswer,
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
    async handler(request, reply) {
      const account = accountOf(request);
      const ground = await readGround(db, account, request.body);
      assertFits(ground.inputSchema, request.body.payload);
      const key = request.headers["idempotency-key"] ?? null;
      const { job, replayed } = await createJob(db, account, request.body, key, ground);
      if (replayed) reply.header("idempotency-replayed", "true");
      else {
        jobMetrics.created(account);
        request.log.info({ job_id: job.id, account_id: account, function_id: job.functionId }, "job created");
      }
      return reply.code(201).header("location", `/automation/jobs/${job.id}`).send(presentJob(job));
    },
  });
