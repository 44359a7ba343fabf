import { createJobBody } from "@belfry/contract/job.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { idempotencyHeaders } from "../../idempotency-headers.ts";
import { asPresented, presentJob } from "../../present-job.ts";

export const createJobRoute: Route = (app, { createJob, jobMetrics }) =>
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
    serializerCompiler: asPresented,
    async handler(request, reply) {
      const account = accountOf(request);
      const key = request.headers["idempotency-key"] ?? null;
      const { job, replayed } = await createJob(account, request.body, key);
      if (replayed) reply.header("idempotency-replayed", "true");
      else {
        jobMetrics.created(account);
        request.log.info({ job_id: job.id, account_id: account, function_id: job.functionId }, "job created");
      }
      return reply.code(201).header("location", `/automation/jobs/${job.id}`).send(presentJob(job));
    },
  });
