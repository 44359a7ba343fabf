import { rotateSecretBody } from "@belfry/contract/function.ts";
import { rotateSecret } from "@belfry/db/rotate-secret.ts";
import { errorAnswers, rotatedSecretAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";

export const rotateSecretRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/functions/:id/rotate-secret",
    schema: {
      operationId: "rotateFunctionSecret",
      summary: "Give a function a new signing secret",
      description:
        "Answers the new secret, once. From then on calls are signed with it and, for `overlap_seconds` (a day if absent), with the older ones too, so that receivers can change over; 0 ends the older ones at once. When the answer was lost, rotate again: what the receivers know stays valid. A function of kind `http` that has no secret yet is signed from its first one on.",
      tags: ["functions"],
      params: idOf("function"),
      body: rotateSecretBody,
      response: {
        200: rotatedSecretAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "FORBIDDEN",
          "NOT_FOUND",
          "CONFLICT",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const { id } = request.params;
      const overlapMs = request.body.overlap_seconds * 1000;
      const { secret, olderUntil } = found("function", await rotateSecret(db, account, id, overlapMs));
      request.log.info({ function_id: id, account_id: account }, "signing secret rotated");
      return reply.header("cache-control", "no-store").send({
        function_id: id,
        signing_secret: secret,
        older_secrets_until: olderUntil?.toISOString() ?? null,
      });
    },
  });
