import { getExecution } from "@belfry/db/read-executions.ts";
import { readWaiting } from "@belfry/db/read-waiting.ts";
import { errorAnswers, executionWithAttemptsAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { explainPending } from "../../explain-occurrence.ts";
import { found, idOf } from "../../not-found.ts";
import { presentWithAttempts } from "../../present-execution.ts";

export const getExecutionRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/executions/:id",
    schema: {
      operationId: "getExecution",
      summary: "Get an execution with its earlier attempts, and why it has not started",
      tags: ["executions"],
      params: idOf("execution"),
      response: { 200: executionWithAttemptsAnswer, ...errorAnswers("NOT_FOUND") },
    },
    async handler(request) {
      const row = await getExecution(db, accountOf(request), request.params.id);
      const { execution, attempts } = found("execution", row);
      const waiting = execution.status === "pending" ? await readWaiting(db, execution.id) : null;
      return presentWithAttempts(execution, attempts, waiting && explainPending(waiting, waiting.now));
    },
  });
