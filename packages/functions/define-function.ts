import { timeoutMs } from "@belfry/contract/job.ts";
import type { Json, JsonObject } from "@belfry/contract/json.ts";
import type { Trigger } from "@belfry/contract/states.ts";
import { description, name } from "@belfry/contract/text.ts";
import type { Logger } from "./capture-logs.ts";
import type { CheckEvent, PerformEvent } from "./event.ts";

/** What a handler is given besides its event. */
export type FunctionContext = {
  /** Aborted when the phase times out or is cancelled. Pass it on to whatever takes a signal, and stop when it fires. */
  signal: AbortSignal;
  /** What is logged here is kept with the phase, as its `logs`. */
  logger: Logger;
  executionId: string;
  /** 1 for the first try. */
  attempt: number;
  jobId: string;
  scheduledFor: Date;
  trigger: Trigger;
  /** The job's own payload. */
  payload: Json;
};

/** What a check answers: whether to act, and what its perform shall be given. */
export type CheckAnswer<Extra extends object = JsonObject> = {
  shouldPerform: boolean;
  performPayload?: Extra | null | undefined;
};

export type CheckHandler<Extra extends object = JsonObject> = (
  event: CheckEvent,
  context: FunctionContext,
) => CheckAnswer<Extra> | Promise<CheckAnswer<Extra>>;

/** Answers anything that JSON can carry; nothing at all is recorded as null. */
export type PerformHandler<Extra extends object = JsonObject> = (
  event: PerformEvent<Extra>,
  context: FunctionContext,
) => unknown;

export type FunctionDefinition<Extra extends object = JsonObject> = {
  /** 1 to 255 characters; what a function of kind `module` refers to. */
  name: string;
  description?: string;
  /** Without a check, every occurrence is performed. */
  check?: CheckHandler<Extra>;
  perform: PerformHandler<Extra>;
  /** How long each phase may take, in milliseconds, unless the job or the function's record says otherwise. */
  timeoutMs?: number;
};

/** Registered by name, so that a function made by another copy of this package is recognised too. */
const DEFINED: unique symbol = Symbol.for("belfry.function");

/** What `defineFunction` makes and a worker runs. */
export type DefinedFunction = {
  readonly [DEFINED]: true;
  readonly name: string;
  readonly description: string;
  readonly check: CheckHandler | null;
  readonly perform: PerformHandler;
  readonly timeoutMs: number | null;
};

const KEYS = ["name", "description", "check", "perform", "timeoutMs"];

/**
 * Makes a function that a worker can run; a module's default export. What `check` answers as `performPayload` types
 * the event of `perform`.
 * @throws TypeError that names every field which is wrong.
 */
export function defineFunction<Extra extends object = JsonObject>(
  definition: FunctionDefinition<Extra>,
): DefinedFunction {
  const problems = definitionProblems(definition);
  if (problems.length > 0) throw new TypeError(`defineFunction: ${problems.join("; ")}`);
  return Object.freeze({
    [DEFINED]: true as const,
    name: name.parse(definition.name),
    description: definition.description ?? "",
    check: (definition.check as CheckHandler | undefined) ?? null,
    // `Extra` has done its work: at run time an event's keys are whatever the check answered.
    perform: definition.perform as PerformHandler,
    timeoutMs: definition.timeoutMs ?? null,
  });
}

/** Whether a value was made by `defineFunction`, of this copy of the package or of another. */
export function isDefinedFunction(value: unknown): value is DefinedFunction {
  if (typeof value !== "object" || value === null || !(DEFINED in value)) return false;
  const { name, perform, check } = value as Partial<DefinedFunction>;
  return typeof name === "string" && typeof perform === "function" && (check === null || typeof check === "function");
}

function definitionProblems(definition: unknown): string[] {
  if (typeof definition !== "object" || definition === null) return ["needs an object { name, perform, … }"];
  const given = definition as Record<string, unknown>;
  const problems = Object.keys(given)
    .filter((key) => !KEYS.includes(key))
    .map((key) => `unknown field ${JSON.stringify(key)}, the fields are ${KEYS.join(", ")}`);
  const fields = { name, description: description.optional(), timeoutMs: timeoutMs.optional() };
  for (const [field, schema] of Object.entries(fields)) {
    const issue = schema.safeParse(given[field]).error?.issues[0];
    if (issue) problems.push(`${field}: ${issue.message}`);
  }
  if (typeof given.perform !== "function") problems.push("perform: must be a function");
  if (given.check !== undefined && typeof given.check !== "function") problems.push("check: must be a function");
  return problems;
}
