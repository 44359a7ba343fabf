import { deleteFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { found, idOf } from "../../not-found.ts";
import { presentFunction } from "../../present-function.ts";

export const deleteFunctionRoute: Route = (app, { db }) =>
  app.route({
    method: "DELETE",
    url: "/automation/functions/:id",
    preValidation: noBody,
    schema: {
      operationId: "deleteFunction",
      summary: "Delete a function",
      description: "Refused while a job that is not deleted calls it.",
      tags: ["functions"],
      params: idOf("function"),
      response: {
        200: functionAnswer,
        ...errorAnswers("FORBIDDEN", "NOT_FOUND", "FUNCTION_IN_USE", "VALIDATION_ERROR"),
      },
    },
    async handler(request) {
      const account = accountOf(request);
      const row = found("function", await deleteFunction(db, account, request.params.id));
      request.log.info({ function_id: row.id, account_id: account }, "function deleted");
      return presentFunction(row);
    },
  });
