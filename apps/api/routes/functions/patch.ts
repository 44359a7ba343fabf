import { patchFunctionBody } from "@belfry/contract/function.ts";
import { assertPatchable, getFunction, patchFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { clientGone } from "../../client-gone.ts";
import { found, idOf } from "../../not-found.ts";
import { presentFunction } from "../../present-function.ts";

export const patchFunctionRoute: Route = (app, { db, compiler }) =>
  app.route({
    method: "PATCH",
    url: "/automation/functions/:id",
    schema: {
      operationId: "patchFunction",
      summary: "Change a function",
      description:
        "What is absent stays as it is. Attempts that run keep what they began with. `source` makes a new version of an uploaded function, which is the current one from then on.",
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
          "SOURCE_INVALID",
          "TOO_MANY_UPLOADS",
          "COMPILER_BUSY",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const { body, params } = request;
      const row = found("function", await patchFunction(db, account, params.id, body, await compiled()));
      request.log.info(
        { function_id: row.id, account_id: account, fields: Object.keys(request.body) },
        "function updated",
      );
      return presentFunction(row);

      async function compiled() {
        if (body.source === undefined) return null;
        // Compiling is dear: what will be refused anyway is refused before.
        const current = found("function", await getFunction(db, account, params.id));
        assertPatchable(current, body);
        return compiler.compile(account, body.source, body.language ?? "javascript", clientGone(reply));
      }
    },
  });
