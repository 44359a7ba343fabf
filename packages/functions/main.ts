/** All that an author of functions needs. */
export {
  type DefinedFunction,
  defineFunction,
  type FunctionContext,
  type FunctionDefinition,
  type Logger,
} from "./define-function.ts";
export type { BelfryKey, CheckAnswer, CheckEvent, PerformEvent, PhaseEvent, RollbackEvent } from "./event.ts";
export type { InputSchema } from "./input-schema.ts";
export type { Json, JsonObject } from "./json.ts";
export { PermanentError } from "./permanent-error.ts";
