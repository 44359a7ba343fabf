import { z } from "zod";
import { EXECUTION_ERROR_CODES } from "./errors.ts";
import { phaseRecord } from "./execution.ts";
import { payload } from "./json.ts";
import { instant, slug } from "./text.ts";

/** Bytes of UTF-8. */
export const SOURCE_MAX_BYTES = 256 * 1024;

export const sandboxLanguage = z.enum(["javascript", "typescript"]);

export const sandboxSource = z
  .string()
  .min(1, "must not be empty")
  .refine((text) => Buffer.byteLength(text) <= SOURCE_MAX_BYTES, {
    error: `must have at most ${SOURCE_MAX_BYTES} bytes`,
    params: { code: "too_large" },
  });

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const HOST = new RegExp(
  `^(?:\\*\\.${LABEL}(?:\\.${LABEL})+|${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])(?::(\\d{1,5}))?$`,
);

/** `api.example.com`, `*.example.org:8443`: a host, or all below a domain, on the usual port of its scheme or on the one named. */
const host = z
  .string()
  .max(260)
  .toLowerCase()
  .refine((text) => {
    const match = HOST.exec(text);
    return match !== null && (match[1] === undefined || (Number(match[1]) >= 1 && Number(match[1]) <= 65_535));
  }, "must be a host (api.example.com) or all hosts of a domain (*.example.org), with a port if it is not the usual one");

export const sandboxHosts = z.array(host).max(50, "at most 50 hosts");

/** `memory_mb` of memory; `cpu_ms` of computing in one call, in milliseconds, for which waiting does not count. */
export const sandboxLimits = z.strictObject({
  memory_mb: z.int().min(8).max(128).default(32),
  cpu_ms: z.int().min(10).max(60_000).default(5_000),
});
export const storedLimits = z.object({ memory_mb: z.int(), cpu_ms: z.int() });
export type SandboxLimits = z.infer<typeof storedLimits>;

/** A version of an uploaded function, without its source. */
export const functionVersion = z.object({
  version: z.int(),
  language: sandboxLanguage,
  /** Whether it has a check phase. */
  check: z.boolean(),
  /** Whether it is the one that runs. */
  current: z.boolean(),
  /** Of its source, in UTF-8. */
  bytes: z.int(),
  created_at: instant,
});
export const functionVersionWithSource = functionVersion.extend({ source: z.string() });

/** Versions are counted from 1, and no function will ever have so many. */
export const VERSION_MAX = 999_999_999;
const versionNumber = z.int().min(1).max(VERSION_MAX);

/** Body of `POST /automation/functions/{id}/rollback`. */
export const rollbackBody = z.strictObject({ version: versionNumber });

/** Body of `POST /automation/functions/{id}/test`. */
export const testFunctionBody = z.strictObject({
  /** Stands for the job's payload; `{}` unless told otherwise, as for a job. */
  payload: payload.optional(),
  /** One phase only; both unless told otherwise, as an execution would run them. */
  phase: z.enum(["check", "perform"]).optional(),
  /** Keys that are laid beside ours in the event of each phase that is called; ours win. */
  event: payload.optional().refine((value) => value === undefined || isObject(value), "must be an object"),
  /** Of an uploaded function: another version than the current one. */
  version: versionNumber.optional(),
  /** Whose workers run it. */
  pool: slug.default("default"),
});
export type TestFunctionBody = z.infer<typeof testFunctionBody>;

const testError = z.object({ code: z.enum([...EXECUTION_ERROR_CODES, "INTERNAL"]), message: z.string() });

/** What a test came to. `perform` is null if the check declined or failed, `check` if there is none; only modules roll back. */
export const functionTest = z.object({
  check: phaseRecord.nullable(),
  perform: phaseRecord.nullable(),
  rollback: phaseRecord.nullable(),
  function_version: z.int().nullable(),
  /** What went wrong in no phase: its process did not start or has ended, or the worker failed (`INTERNAL`). */
  error: testError.nullable(),
});
export type FunctionTest = z.infer<typeof functionTest>;

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
