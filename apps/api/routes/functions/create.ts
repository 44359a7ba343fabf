import { createFunctionBody } from "@belfry/contract/function.ts";
import { createFunction } from "@belfry/db/functions.ts";
import { createdFunctionAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { clientGone } from "../../client-gone.ts";
import { presentFunction } from "../../present-function.ts";

export const createFunctionRoute: Route = (app, { db, compiler }) =>
  app.route({
    method: "POST",
    url: "/automation/functions",
    schema: {
      operationId: "createFunction",
      summary: "Register a function",
      description:
        "Kind `http` is called at its URL, and the answer has the secret that signs these calls: keep it, nothing answers it again. Kind `module` is code that the workers have brought along. Kind `sandbox` is the source in the body, JavaScript or TypeScript, which is compiled at once and run with no access to anything but the hosts that it lists.",
      tags: ["functions"],
      body: createFunctionBody,
      response: {
        201: createdFunctionAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
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
      const { body } = request;
      const compiled =
        body.kind === "sandbox" ? await compiler.compile(account, body.source, body.language, clientGone(reply)) : null;
      const row = await createFunction(db, account, body, compiled);
      request.log.info({ function_id: row.id, account_id: account }, "function created");
      const { signingSecret: secret } = row;
      return reply
        .code(201)
        .header("location", `/automation/functions/${row.id}`)
        .header("cache-control", "no-store")
        .send({ ...presentFunction(row), ...(secret !== null && { signing_secret: secret }) });
    },
  });
