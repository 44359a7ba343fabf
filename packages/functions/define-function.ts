import type { CheckAnswer, CheckEvent, PerformEvent, RollbackEvent } from "./event.ts";
import { type InputSchema, isInputSchema } from "./input-schema.ts";
import type { Json, JsonObject } from "./json.ts";

export type Logger = Record<"debug" | "info" | "warn" | "error", (...args: unknown[]) => void>;

/** What a handler is given besides its event. `Input` is the job's payload as `input` read it, `Resources` what `setup` answered. */
export type FunctionContext<Input = Json, Resources = undefined> = {
  /** Aborted when the phase times out or is cancelled. Pass it on to whatever takes a signal, and stop when it fires. */
  signal: AbortSignal;
  /** What is logged here is kept with the phase, as its `logs`. */
  logger: Logger;
  executionId: string;
  /** 1 for the first try. */
  attempt: number;
  jobId: string;
  scheduledFor: Date;
  trigger: "schedule" | "manual";
  /** The job's own payload. */
  payload: Input;
  resources: Resources;
  /** How far the work is, from 0 to 100, for people who look at the execution. The latest counts. */
  progress: (percent: number, text?: string) => void;
  /** Says that the work goes on: the phase's time limit begins anew. The limit of the whole attempt still holds. */
  heartbeat: () => void;
};

type Context<Input, Resources> = FunctionContext<Input, Resources>;

/**
 * In this order, for each attempt: `setup`, `check`, and if that says so `perform`; `rollback` if perform has failed after
 * it began; and whatever happened, `teardown`.
 */
export type FunctionDefinition<Extra extends object, Input, Resources> = {
  /** 1 to 255 characters; what a function of kind `module` refers to. */
  name: string;
  description?: string;
  /** false: the function is known and listed, and no execution of it is run. */
  enabled?: boolean;
  /** What a job's payload has to look like. Checked when a job is made, and before each attempt. */
  input?: InputSchema<Input>;
  /** Opens what the other handlers need, and answers it as their `resources`. Its time counts as that of the check. */
  setup?: (context: Omit<Context<Input, undefined>, "resources">) => Resources | Promise<Resources>;
  /** Without a check, every occurrence is performed. */
  check?: (event: CheckEvent, context: Context<Input, Resources>) => CheckAnswer<Extra> | Promise<CheckAnswer<Extra>>;
  /** Answers anything that JSON can carry; nothing at all is recorded as null. */
  perform: (event: PerformEvent<Extra>, context: Context<Input, Resources>) => unknown;
  /** Undoes what a perform that failed may have done. What it answers or throws is recorded; the attempt stays failed. */
  rollback?: (event: RollbackEvent<Extra>, context: Context<Input, Resources>) => unknown;
  /** Closes what `setup` opened. It runs even if setup has failed half-way, then with `resources` undefined. */
  teardown?: (context: Context<Input, Resources | undefined>) => void | Promise<void>;
  /** How long each phase may take, in milliseconds, unless the job or the function's record says otherwise. */
  timeoutMs?: number;
};

/** Registered by name, so that a function made by another copy of this package is recognised too. */
const DEFINED: unique symbol = Symbol.for("belfry.function");

type Handlers = FunctionDefinition<JsonObject, Json, unknown>;
export type CheckHandler = NonNullable<Handlers["check"]>;
export type PerformHandler = Handlers["perform"];

/** What `defineFunction` makes and a worker runs. */
export type DefinedFunction = {
  readonly [DEFINED]: true;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly input: InputSchema | null;
  readonly setup: NonNullable<Handlers["setup"]> | null;
  readonly check: CheckHandler | null;
  readonly perform: PerformHandler;
  readonly rollback: NonNullable<Handlers["rollback"]> | null;
  readonly teardown: NonNullable<Handlers["teardown"]> | null;
  readonly timeoutMs: number | null;
};

/**
 * Makes a function that a worker can run; a module's default export. What `check` answers as `performPayload` types
 * the event of `perform`, `input` types the payload, and what `setup` answers types the resources.
 * @throws TypeError that names every field which is wrong.
 */
export function defineFunction<Extra extends object = JsonObject, Input = Json, Resources = undefined>(
  definition: FunctionDefinition<Extra, Input, Resources>,
): DefinedFunction {
  const problems = definitionProblems(definition);
  if (problems.length > 0) throw new TypeError(`defineFunction: ${problems.join("; ")}`);
  // The type parameters have done their work: at run time the handlers get whatever check, setup and input have made.
  const handlers = definition as unknown as Handlers;
  return Object.freeze({
    [DEFINED]: true as const,
    name: definition.name.trim(),
    description: definition.description ?? "",
    enabled: definition.enabled ?? true,
    input: definition.input ?? null,
    setup: handlers.setup ?? null,
    check: handlers.check ?? null,
    perform: handlers.perform,
    rollback: handlers.rollback ?? null,
    teardown: handlers.teardown ?? null,
    timeoutMs: definition.timeoutMs ?? null,
  });
}

/** Whether a value was made by `defineFunction`, of this copy of the package or of another. */
export function isDefinedFunction(value: unknown): value is DefinedFunction {
  if (typeof value !== "object" || value === null || !(DEFINED in value)) return false;
  const { name, perform, check } = value as Partial<DefinedFunction>;
  return typeof name === "string" && typeof perform === "function" && (check === null || typeof check === "function");
}

const DAY_MS = 86_400_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** What a field has to be, and the sentence for one that is not. */
const FIELDS: Record<keyof Handlers, [is: (value: unknown) => boolean, problem: string]> = {
  name: [isName, "must be 1 to 255 characters on one line"],
  description: [isDescription, "must be a string of at most 4000 characters"],
  enabled: [(value) => typeof value === "boolean", "must be true or false"],
  input: [isInputSchema, "must be a schema of Zod or another library of Standard Schema"],
  setup: [isFunction, "must be a function"],
  check: [isFunction, "must be a function"],
  perform: [isFunction, "must be a function"],
  rollback: [isFunction, "must be a function"],
  teardown: [isFunction, "must be a function"],
  timeoutMs: [isTimeout, "must be a whole number of milliseconds from 1 to 86400000"],
};
const REQUIRED = new Set(["name", "perform"]);

function definitionProblems(definition: unknown): string[] {
  if (typeof definition !== "object" || definition === null) return ["needs an object { name, perform, … }"];
  const given = definition as Record<string, unknown>;
  const unknown = Object.keys(given)
    .filter((key) => !(key in FIELDS))
    .map((key) => `unknown field ${JSON.stringify(key)}, the fields are ${Object.keys(FIELDS).join(", ")}`);
  const wrong = Object.entries(FIELDS)
    .filter(([field, [is]]) => (given[field] !== undefined || REQUIRED.has(field)) && !is(given[field]))
    .map(([field, [, problem]]) => `${field}: ${problem}`);
  return [...unknown, ...wrong];
}

function isName(value: unknown): boolean {
  if (typeof value !== "string") return false;
  const { length } = value.trim();
  return length >= 1 && length <= 255 && !CONTROL.test(value.trim()) && value.isWellFormed();
}

function isDescription(value: unknown): boolean {
  return typeof value === "string" && value.length <= 4000 && !value.includes("\u0000") && value.isWellFormed();
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isTimeout(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= DAY_MS;
}
