import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { errorAnswers, executionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { idempotencyHeaders } from "../../idempotency-headers.ts";
import { noBody } from "../../no-body.ts";
import { found, idOf } from "../../not-found.ts";
import { presentExecution } from "../../present-execution.ts";

export const runJobRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/jobs/:id/run",
    preValidation: noBody,
    schema: {
      operationId: "runJob",
      summary: "Run a job now",
      description:
        "Makes one execution besides the schedule and answers with it, before it has started. Sent again with the same `Idempotency-Key`, it answers with the execution that the first call made and the header `Idempotency-Replayed: true`.",
      tags: ["jobs"],
      params: idOf("job"),
      headers: idempotencyHeaders,
      response: {
        202: executionAnswer,
        ...errorAnswers("BAD_REQUEST", "NOT_FOUND", "JOB_NOT_ACTIVE", "VALIDATION_ERROR"),
      },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const key = request.headers["idempotency-key"] ?? null;
      const { executionId, replayed } = found("job", await runJob(db, account, request.params.id, key));
      const { execution } = found("execution", await getExecution(db, account, executionId));
      const fields = { job_id: execution.jobId, account_id: account, execution_id: executionId };
      if (replayed) reply.header("idempotency-replayed", "true");
      else request.log.info(fields, "job run asked for");
      return reply
        .code(202)
        .header("location", `/automation/executions/${executionId}`)
        .send(presentExecution(execution));
    },
  });
