import { checkPayload } from "./check-payload.ts";
import type { DefinedFunction, FunctionContext, Logger } from "./define-function.ts";
import type { CheckEvent, PerformEvent, PhaseEvent, RollbackEvent } from "./event.ts";
import type { ServedEvent } from "./read-call.ts";
import { Refusal } from "./refusal.ts";

/** One function for both phases, that looks at the event's `phase` itself. */
export type EventHandler = (event: PhaseEvent, context: FunctionContext) => unknown;

type Context = FunctionContext;

/**
 * Calls what a function has for the event's phase. Every phase is a call of its own and may reach another process, so
 * `setup` comes before each of them and `teardown` after it.
 * @throws whatever the handlers throw, and Refusal for a payload that is not what `input` asks for.
 */
export async function callPhase(
  fn: DefinedFunction | EventHandler,
  event: ServedEvent,
  tools: { signal: AbortSignal; logger: Logger },
): Promise<unknown> {
  if (typeof fn === "function") {
    // It knows of two phases only, and would take the third for one of them.
    return event.phase === "rollback" ? null : fn(event, contextOf(event, tools));
  }
  if (!fn.enabled && event.phase === "check") return { shouldPerform: false };
  if (!fn.enabled) throw new Refusal("FUNCTION_DISABLED", `the function "${fn.name}" is not enabled`);
  const context = contextOf(event, tools);
  return callHandlers(fn, event, { ...context, payload: await checkPayload(fn.input, context.payload) });
}

async function callHandlers(fn: DefinedFunction, event: ServedEvent, begun: Context): Promise<unknown> {
  let context = begun;
  try {
    if (fn.setup) context = { ...context, resources: (await fn.setup(context)) as undefined };
    return await handle(fn, event, context);
  } finally {
    await tearDown(fn, context);
  }
}

function handle(fn: DefinedFunction, event: ServedEvent, context: Context): unknown {
  if (event.phase === "check") return fn.check ? fn.check(event as CheckEvent, context) : { shouldPerform: true };
  if (event.phase === "rollback") return fn.rollback ? fn.rollback(event as RollbackEvent, context) : null;
  return fn.perform(event as PerformEvent, context);
}

/** What the phase has come to stands, so that a teardown that fails is logged and changes nothing. */
async function tearDown(fn: DefinedFunction, context: Context): Promise<void> {
  try {
    await fn.teardown?.(context);
  } catch (thrown) {
    context.logger.error(`the teardown of "${fn.name}" has failed`, thrown);
  }
}

function contextOf(event: ServedEvent, tools: { signal: AbortSignal; logger: Logger }): Context {
  const { execution_id, attempt, scheduled_for, trigger, payload } = event.belfry;
  return {
    ...tools,
    executionId: execution_id,
    attempt,
    jobId: event.automation_job,
    scheduledFor: new Date(scheduled_for),
    trigger,
    payload,
    resources: undefined,
    // A call over HTTP has one answer and no way back before it.
    progress() {},
    heartbeat() {},
  };
}
