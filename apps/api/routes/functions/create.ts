import { createFunctionBody } from "@belfry/contract/function.ts";
import { createFunction } from "@belfry/db/functions.ts";
import { createdFunctionAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { presentFunction } from "../../present-function.ts";

export const createFunctionRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/functions",
    schema: {
      operationId: "createFunction",
      summary: "Register a function",
      description:
        "Kind `http` is called at its URL, and the answer has the secret that signs these calls: keep it, nothing answers it again. Kind `module` is code that the workers have brought along.",
      tags: ["functions"],
      body: createFunctionBody,
      response: {
        201: createdFunctionAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "FUNCTION_NAME_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const row = await createFunction(db, account, request.body);
      request.log.info({ function_id: row.id, account_id: account }, "function created");
      const { signingSecret: secret } = row;
      return reply
        .code(201)
        .header("location", `/automation/functions/${row.id}`)
        .header("cache-control", "no-store")
        .send({ ...presentFunction(row), ...(secret !== null && { signing_secret: secret }) });
    },
  });
