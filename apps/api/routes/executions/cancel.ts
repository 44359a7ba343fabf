import { ApiError } from "@belfry/contract/errors.ts";
import { cancelExecution } from "@belfry/db/executions.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { errorAnswers, executionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentExecution } from "../../present-execution.ts";

export const cancelExecutionRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/executions/:id/cancel",
    preValidation: noBody,
    schema: {
      operationId: "cancelExecution",
      summary: "Cancel an execution",
      description:
        "One that waits is cancelled at once (200). One that runs is asked to stop (202): it ends as `cancelled` as soon as its worker has stopped it, unless it ends by itself before.",
      tags: ["executions"],
      params: idOf("execution"),
      response: {
        200: executionAnswer,
        202: executionAnswer,
        ...errorAnswers("NOT_FOUND", "EXECUTION_FINAL", "VALIDATION_ERROR"),
      },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const { id } = request.params;
      const outcome = await cancelExecution(db, account, id);
      assertFound("execution", outcome !== "unknown");
      const { execution } = found("execution", await getExecution(db, account, id));
      if (outcome === "final") throw new ApiError("EXECUTION_FINAL", `execution has ended: it is ${execution.status}`);
      request.log.info({ execution_id: id, job_id: execution.jobId, account_id: account, outcome }, "cancel asked for");
      return reply.code(outcome === "cancelled" ? 200 : 202).send(presentExecution(execution));
    },
  });
