import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { errorAnswers, executionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
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
      description: "Makes one execution besides the schedule and answers with it, before it has started.",
      tags: ["jobs"],
      params: idOf("job"),
      response: { 202: executionAnswer, ...errorAnswers("NOT_FOUND", "JOB_NOT_ACTIVE", "VALIDATION_ERROR") },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const { executionId } = found("job", await runJob(db, account, request.params.id));
      const { execution } = found("execution", await getExecution(db, account, executionId));
      request.log.info(
        { job_id: execution.jobId, account_id: account, execution_id: executionId },
        "job run asked for",
      );
      return reply
        .code(202)
        .header("location", `/automation/executions/${executionId}`)
        .send(presentExecution(execution));
    },
  });
