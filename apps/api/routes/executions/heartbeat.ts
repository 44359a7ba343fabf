import { heartbeatCallback } from "@belfry/db/callbacks.ts";
import { callbackReceiptAnswer, errorAnswers } from "../../answers.ts";
import { callbackOf, type Route } from "../../app.ts";
import { callbackReceipt } from "../../callback-receipt.ts";
import { noBody } from "../../no-body.ts";
import { idOf } from "../../not-found.ts";

export const heartbeatPhaseRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/executions/:id/heartbeat",
    config: { access: "callback" },
    preValidation: noBody,
    schema: {
      operationId: "heartbeatPhase",
      summary: "Say that a function is still at a phase that it has taken on",
      description:
        "The phase's time limit begins anew; the limit of the whole attempt still holds. The bearer token is the phase's, as for `complete`.",
      tags: ["executions"],
      security: [{ phaseToken: [] }],
      params: idOf("execution"),
      response: {
        200: callbackReceiptAnswer,
        ...errorAnswers("NOT_FOUND", "CALLBACK_ANSWERED", "CALLBACK_CLOSED", "VALIDATION_ERROR"),
      },
    },
    async handler(request) {
      const key = callbackOf(request);
      return callbackReceipt(await heartbeatCallback(db, key), key);
    },
  });
