import { listFunctions } from "@belfry/db/functions.ts";
import { z } from "zod";
import { errorAnswers, functionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeIdCursor, idCursor } from "../../cursor.ts";
import { LIST_DESCRIPTION, limit, page } from "../../page.ts";
import { presentFunction } from "../../present-function.ts";

export const listFunctionsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/functions",
    schema: {
      operationId: "listFunctions",
      summary: "List the functions that the account may use, newest first",
      description: LIST_DESCRIPTION,
      tags: ["functions"],
      querystring: z.strictObject({ limit, cursor: idCursor.optional() }),
      response: { 200: z.array(functionAnswer), ...errorAnswers("BAD_REQUEST") },
    },
    async handler(request, reply) {
      const { limit, cursor } = request.query;
      const rows = await listFunctions(db, accountOf(request), { limit: limit + 1, ...(cursor && { before: cursor }) });
      return page(request, reply, { rows, limit, cursorOf: encodeIdCursor }).map(presentFunction);
    },
  });
