import { createJobBody } from "@belfry/contract/job.ts";
import { createJob } from "@belfry/db/jobs.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { assertPayload } from "../../assert-payload.ts";
import { idempotencyHeaders } from "../../idempotency-headers.ts";
import { found } from "../../not-found.ts";
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
      const { function_id: functionId, payload } = request.body;
      await assertPayload(db, account, { functionId, payload: payload ?? {} });
      const { jobId, replayed } = await createJob(
        db,
        account,
        request.body,
        request.headers["idempotency-key"] ?? null,
      );
      const job = found("job", await getJob(db, account, jobId));
      if (replayed) reply.header("idempotency-replayed", "true");
      else {
        jobMetrics.created(account);
        request.log.info({ job_id: jobId, account_id: account, function_id: job.functionId }, "job created");
      }
      return reply.code(201).header("location", `/automation/jobs/${jobId}`).send(presentJob(job));
    },
  });
