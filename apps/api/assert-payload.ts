import { ApiError, type FieldError } from "@belfry/contract/errors.ts";
import type { Json, JsonObject } from "@belfry/contract/json.ts";
import type { Db } from "@belfry/db/client.ts";
import { inputOfJob, inputSchemaOf } from "@belfry/db/input-schema.ts";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { fieldError, firstProblem } from "./field-errors.ts";

const MAX_ERRORS = 50;
const MAX_COMPILED = 500;
/** Compiling takes milliseconds, and the same few schemas come again and again; by their text. */
const compiled = new Map<string, ValidateFunction | null>();

/**
 * Throws ApiError VALIDATION_ERROR, with paths that begin with `payload`, unless a job of this function may have this
 * payload. A function that says nothing of payloads takes any; the run itself checks what JSON schema cannot say.
 */
export async function assertPayload(
  db: Db,
  accountId: string,
  { functionId, payload }: { functionId: string; payload: Json },
): Promise<void> {
  assertFits(await inputSchemaOf(db, accountId, functionId), payload);
}

/** The same for many jobs: what a function asks for is read once. */
export function payloadsOf(
  db: Db,
  accountId: string,
): (job: { function_id: string; payload?: Json | undefined }) => Promise<void> {
  const schemas = new Map<string, JsonObject | null>();
  return async ({ function_id: functionId, payload }) => {
    let schema = schemas.get(functionId);
    if (schema === undefined) {
      schema = await inputSchemaOf(db, accountId, functionId);
      schemas.set(functionId, schema);
    }
    assertFits(schema, payload);
  };
}

/** A job's body, or the ApiError for which its payload is refused. */
export async function bodyOrRefusal<Body>(body: Body, assert: (body: Body) => Promise<void>): Promise<Body | ApiError> {
  try {
    await assert(body);
    return body;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** The same with what the function's module says of payloads. Without a payload a job has an empty one. */
export function assertFits(schema: JsonObject | null, payload: Json | undefined): void {
  const validate = schema && compile(schema);
  if (!validate || validate(payload ?? {})) return;
  const details = (validate.errors ?? []).slice(0, MAX_ERRORS).map(describe);
  throw new ApiError("VALIDATION_ERROR", firstProblem(details), details);
}

/** The same for a change of a job, of which either may change. A job that is not there is left to whoever changes it. */
export async function assertPatchedPayload(
  db: Db,
  accountId: string,
  jobId: string,
  patch: { function_id?: string | undefined; payload?: Json | undefined },
): Promise<void> {
  if (patch.function_id === undefined && patch.payload === undefined) return;
  const job = await inputOfJob(db, accountId, jobId);
  if (!job) return;
  const payload = patch.payload === undefined ? job.payload : (patch.payload ?? {});
  await assertPayload(db, accountId, { functionId: patch.function_id ?? job.functionId, payload });
}

function compile(schema: JsonObject): ValidateFunction | null {
  const text = JSON.stringify(schema);
  let validate = compiled.get(text);
  if (validate === undefined) {
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    validate = compileNew(schema);
    compiled.set(text, validate);
  }
  return validate;
}

/** Null for a schema that is none: the author's mistake is not the client's, and the run checks the payload anyway. */
function compileNew(schema: JsonObject): ValidateFunction | null {
  try {
    // Each by itself: two schemas may have the same $id. Formats are checked by the run.
    return new Ajv2020({ strict: false, allErrors: true, validateFormats: false, logger: false }).compile(schema);
  } catch {
    return null;
  }
}

function describe({ instancePath, keyword, params, message }: ErrorObject): FieldError {
  const path = ["payload", ...instancePath.split("/").slice(1).map(fromPointer)];
  if (keyword === "required") return fieldError([...path, String(params.missingProperty)], "is required", "required");
  if (keyword === "additionalProperties")
    return fieldError([...path, String(params.additionalProperty)], "unknown field", "unknown_field");
  return fieldError(path, message ?? "is not valid", "invalid");
}

/** Of a JSON pointer. */
const fromPointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");
