import { completeBody } from "@belfry/contract/callback.ts";
import { invalidField } from "@belfry/contract/errors.ts";
import { answerCallback } from "@belfry/db/callbacks.ts";
import { callbackOf, type Route } from "../../app.ts";
import { callbackAnswers, callbackReceipt } from "../../callback-receipt.ts";
import { idOf } from "../../not-found.ts";

export const completePhaseRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/executions/:id/complete",
    config: { access: "callback" },
    schema: {
      operationId: "completePhase",
      summary: "Answer a phase that the function has taken on",
      description:
        "For a function that has answered 202. The bearer token is the one that it was given in `belfry.callback` with that call, and none of the account's keys. The first answer counts; the same one once more is answered as the first.",
      tags: ["executions"],
      security: [{ phaseToken: [] }],
      params: idOf("execution"),
      body: completeBody,
      response: callbackAnswers,
    },
    async handler(request) {
      const key = callbackOf(request);
      const outcome = await answerCallback(db, key, jsonText(request.body));
      const fields = { execution_id: key.executionId, attempt: key.attempt, phase: key.phase, outcome };
      request.log.info(fields, "phase answered");
      return callbackReceipt(outcome, key);
    },
  });

function jsonText(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch {
    // It was parsed without recursion and cannot be written without it.
    throw invalidField("output", "output is nested too deeply");
  }
}
