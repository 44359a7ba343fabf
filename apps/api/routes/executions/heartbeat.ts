import { heartbeatBody } from "@belfry/contract/callback.ts";
import { heartbeatCallback } from "@belfry/db/callbacks.ts";
import { noteProgress } from "@belfry/db/progress.ts";
import { callbackOf, type Route } from "../../app.ts";
import { callbackAnswers, callbackReceipt } from "../../callback-receipt.ts";
import { idOf } from "../../not-found.ts";

export const heartbeatPhaseRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/executions/:id/heartbeat",
    config: { access: "callback" },
    schema: {
      operationId: "heartbeatPhase",
      summary: "Say that a function is still at a phase that it has taken on",
      description:
        "The phase's time limit begins anew; the limit of the whole attempt still holds. With `percent`, the execution shows how far it is. The bearer token is the phase's, as for `complete`.",
      tags: ["executions"],
      security: [{ phaseToken: [] }],
      params: idOf("execution"),
      body: heartbeatBody,
      response: callbackAnswers,
    },
    async handler(request) {
      const key = callbackOf(request);
      const receipt = callbackReceipt(await heartbeatCallback(db, key), key);
      const { percent, text = "" } = request.body ?? {};
      if (percent !== undefined) {
        const progress = { percent, text, at: new Date().toISOString() };
        await noteProgress(db, { executionId: key.executionId, attempt: key.attempt, progress });
      }
      return receipt;
    },
  });
