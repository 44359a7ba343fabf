import type { DefinedFunction, FunctionContext } from "@belfry/functions/define-function.ts";
import type { PhaseEvent } from "@belfry/functions/event.ts";
import { isPermanent } from "@belfry/functions/permanent-error.ts";
import { describeThrown } from "./describe-thrown.ts";
import { PhaseFailure } from "./phase-failure.ts";

/**
 * Calls the handler of one phase of a module that runs in this process. The event and the payload are copies: what a
 * check does to them must not be seen by perform, as it would not be over HTTP.
 * @throws PhaseFailure FUNCTION_ERROR for whatever the handler throws, retryable unless a PermanentError is behind it.
 */
export async function callModule(
  module: DefinedFunction,
  event: PhaseEvent,
  context: Omit<FunctionContext, "payload">,
): Promise<unknown> {
  const copy = JSON.parse(JSON.stringify(event)) as PhaseEvent;
  const contextWithPayload = { ...context, payload: copy.belfry.payload };
  try {
    if (copy.phase === "perform") return await module.perform(copy, contextWithPayload);
    // Whoever calls asks first whether there is a check; a function without one would always perform.
    return module.check ? await module.check(copy, contextWithPayload) : { shouldPerform: true };
  } catch (thrown) {
    throw new PhaseFailure("FUNCTION_ERROR", describeThrown(thrown), { retryable: !isPermanent(thrown) });
  }
}
