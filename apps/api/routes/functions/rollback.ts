import { invalidField } from "@belfry/contract/errors.ts";
import { rollbackBody } from "@belfry/contract/sandbox.ts";
import { makeCurrent } from "@belfry/db/function-versions.ts";
import { assertOwn, getFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentFunction } from "../../present-function.ts";

export const rollbackFunctionRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/functions/:id/rollback",
    schema: {
      operationId: "rollbackFunction",
      summary: "Make another version of an uploaded function the current one",
      description: "Attempts that begin from now on run it. Its hosts and limits are not part of a version, and stay.",
      tags: ["functions"],
      params: idOf("function"),
      body: rollbackBody,
      response: {
        200: functionAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "FORBIDDEN",
          "NOT_FOUND",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request) {
      const account = accountOf(request);
      const { id } = request.params;
      const { version } = request.body;
      const current = found("function", await getFunction(db, account, id));
      assertOwn(current);
      if (current.kind !== "sandbox") {
        throw invalidField("version", `a function of kind ${current.kind} has no versions`);
      }
      assertFound("function", await makeCurrent(db, account, id, version));
      request.log.info({ function_id: id, account_id: account, version }, "function rolled back");
      return presentFunction(found("function", await getFunction(db, account, id)));
    },
  });
