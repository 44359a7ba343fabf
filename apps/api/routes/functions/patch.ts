import { patchFunctionBody } from "@belfry/contract/function.ts";
import { patchFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { presentFunction } from "../../present-function.ts";

export const patchFunctionRoute: Route = (app, { db }) =>
  app.route({
    method: "PATCH",
    url: "/automation/functions/:id",
    schema: {
      operationId: "patchFunction",
      summary: "Change a function",
      description: "What is absent stays as it is. Attempts that run keep what they began with.",
      tags: ["functions"],
      params: idOf("function"),
      body: patchFunctionBody,
      response: {
        200: functionAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "FORBIDDEN",
          "NOT_FOUND",
          "FUNCTION_NAME_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request) {
      const account = accountOf(request);
      const row = found("function", await patchFunction(db, account, request.params.id, request.body));
      request.log.info(
        { function_id: row.id, account_id: account, fields: Object.keys(request.body) },
        "function updated",
      );
      return presentFunction(row);
    },
  });
