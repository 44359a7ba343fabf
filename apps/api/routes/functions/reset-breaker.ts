import { ApiError } from "@belfry/contract/errors.ts";
import { resetBreaker } from "@belfry/db/breaker.ts";
import { getFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentFunction } from "../../present-function.ts";

export const resetBreakerRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/functions/:id/reset-breaker",
    preValidation: noBody,
    schema: {
      operationId: "resetBreaker",
      summary: "Close a function's circuit breaker",
      description:
        "Executions that it has postponed may start at once. One that is closed stays closed. Only functions of kind `http` have one.",
      tags: ["functions"],
      params: idOf("function"),
      response: { 200: functionAnswer, ...errorAnswers("CONFLICT", "NOT_FOUND", "VALIDATION_ERROR") },
    },
    async handler(request) {
      const account = accountOf(request);
      const { id } = request.params;
      const fn = found("function", await getFunction(db, account, id));
      if (fn.accountId !== null && fn.kind !== "http")
        throw new ApiError("CONFLICT", `a function of kind ${fn.kind} has no circuit breaker`);
      assertFound("function", await resetBreaker(db, account, id));
      request.log.info({ function_id: id, account_id: account }, "circuit breaker reset");
      return presentFunction(found("function", await getFunction(db, account, id)));
    },
  });
