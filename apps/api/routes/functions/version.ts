import { getVersion } from "@belfry/db/function-versions.ts";
import { getFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionVersionWithSourceAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { wholeNumber } from "../../page.ts";
import { presentVersion } from "../../present-version.ts";

export const getVersionRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/functions/:id/versions/:version",
    schema: {
      operationId: "getFunctionVersion",
      summary: "Get a version of an uploaded function, with its source",
      tags: ["functions"],
      params: idOf("function").extend({ version: wholeNumber(1, 999_999_999) }),
      response: { 200: functionVersionWithSourceAnswer, ...errorAnswers("NOT_FOUND") },
    },
    async handler(request) {
      const fn = found("function", await getFunction(db, accountOf(request), request.params.id));
      const row = found("version", await getVersion(db, fn.id, request.params.version));
      return { ...presentVersion({ ...row, bytes: Buffer.byteLength(row.source) }, fn), source: row.source };
    },
  });
