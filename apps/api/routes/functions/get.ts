import { getFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { presentFunction } from "../../present-function.ts";

export const getFunctionRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/functions/:id",
    schema: {
      operationId: "getFunction",
      summary: "Get a function",
      tags: ["functions"],
      params: idOf("function"),
      response: { 200: functionAnswer, ...errorAnswers("NOT_FOUND") },
    },
    async handler(request) {
      return presentFunction(found("function", await getFunction(db, accountOf(request), request.params.id)));
    },
  });
