import { listVersions } from "@belfry/db/function-versions.ts";
import { getFunction } from "@belfry/db/functions.ts";
import { z } from "zod";
import { errorAnswers, functionVersionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeVersionCursor, versionCursor } from "../../cursor.ts";
import { found, idOf } from "../../not-found.ts";
import { LIST_DESCRIPTION, limit, page } from "../../page.ts";
import { presentVersion } from "../../present-version.ts";

export const listVersionsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/functions/:id/versions",
    schema: {
      operationId: "listFunctionVersions",
      summary: "List the versions of an uploaded function, newest first",
      description: `${LIST_DESCRIPTION} Other kinds have none.`,
      tags: ["functions"],
      params: idOf("function"),
      querystring: z.strictObject({ limit, cursor: versionCursor.optional() }),
      response: { 200: z.array(functionVersionAnswer), ...errorAnswers("BAD_REQUEST", "NOT_FOUND") },
    },
    async handler(request, reply) {
      const { limit, cursor } = request.query;
      const fn = found("function", await getFunction(db, accountOf(request), request.params.id));
      const wanted = { limit: limit + 1, ...(cursor !== undefined && { before: cursor }) };
      const rows = await listVersions(db, fn.id, wanted);
      return page(request, reply, { rows, limit, cursorOf: encodeVersionCursor }).map((row) => presentVersion(row, fn));
    },
  });
