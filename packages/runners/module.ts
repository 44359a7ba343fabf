import type { DefinedFunction, FunctionContext } from "@belfry/functions/define-function.ts";
import type { CheckEvent, PerformEvent, PhaseEvent, RollbackEvent } from "@belfry/functions/event.ts";
import { isPermanent } from "@belfry/functions/permanent-error.ts";
import { describeThrown } from "./describe-thrown.ts";
import { PhaseFailure } from "./phase-failure.ts";

/**
 * Calls the handler of one phase of a module in this process, which is a host and never the worker. The event is a copy:
 * what a check does to it must not be seen by perform, as it would not be over HTTP.
 * @throws PhaseFailure FUNCTION_ERROR for whatever the handler throws, retryable unless a PermanentError is behind it.
 */
export async function callModule(
  module: DefinedFunction,
  event: PhaseEvent | RollbackEvent,
  context: FunctionContext<never, never>,
): Promise<unknown> {
  const copy = JSON.parse(JSON.stringify(event)) as CheckEvent | PerformEvent | RollbackEvent;
  try {
    if (copy.phase === "perform") return await module.perform(copy as PerformEvent, context);
    if (copy.phase === "rollback") return await module.rollback?.(copy as RollbackEvent, context);
    // Whoever calls asks first whether there is a check; a function without one would always perform.
    return module.check ? await module.check(copy as CheckEvent, context) : { shouldPerform: true };
  } catch (thrown) {
    throw asFunctionError(thrown);
  }
}

/** What a handler has thrown, as the failure of its phase. */
export function asFunctionError(thrown: unknown): PhaseFailure {
  if (thrown instanceof PhaseFailure) return thrown;
  return new PhaseFailure("FUNCTION_ERROR", describeThrown(thrown), { retryable: !isPermanent(thrown) });
}
