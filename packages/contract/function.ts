import { z } from "zod";
import { timeoutMs } from "./job.ts";
import { limits } from "./limits.ts";
import { sandboxHosts, sandboxLanguage, sandboxLimits, sandboxSource, storedLimits } from "./sandbox.ts";
import { breakerState, functionKind } from "./states.ts";
import { description, instant, name } from "./text.ts";

/** True as well for what is no URL at all: zod asks this even when the check before has failed. */
const hasNoCredentials = (text: string): boolean => {
  const url = URL.parse(text);
  return !url || (url.username === "" && url.password === "");
};

const httpUrl = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL" })
  .max(2048)
  .refine(hasNoCredentials, "must not contain a user name or password");

/** Header names that the request itself needs; a function's own headers cannot set them. */
const RESERVED_HEADERS = new Set([
  "belfry-attempt",
  "belfry-deadline",
  "belfry-execution-id",
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "idempotency-key",
  "keep-alive",
  "te",
  "traceparent",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "webhook-id",
  "webhook-signature",
  "webhook-timestamp",
]);

const headers = z
  .record(
    z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "is not a header name"),
    z
      .string()
      .max(4096)
      .regex(/^[\t\x20-\x7e]*$/, "must be printable ASCII"),
  )
  .refine((all) => Object.keys(all).length <= 50, "at most 50 headers")
  .refine(
    (all) => !Object.keys(all).some((key) => RESERVED_HEADERS.has(key.toLowerCase())),
    "sets a header that the request itself needs",
  );

/** Connecting takes one round trip, or three with TLS; whoever needs longer than this is not there. */
const CONNECT_TIMEOUT_MAX_MS = 60_000;

const http = { url: httpUrl, headers };
/** Of the steps of a call, in milliseconds. null: 10 s for connecting, and for the others as long as the phase may take. */
const steps = {
  /** Until there is a connection. */
  connect_timeout_ms: z.int().min(1).max(CONNECT_TIMEOUT_MAX_MS).nullable(),
  /** From then until the answer's headers are there. */
  headers_timeout_ms: timeoutMs.nullable(),
  /** Between one piece of the answer's body and the next. */
  body_timeout_ms: timeoutMs.nullable(),
};
const common = {
  description,
  timeout_ms: timeoutMs.nullable(),
  ...limits,
};

/** After how many failures in a row a function is left alone (0: never), and for how long the first time. */
const breakerSettings = {
  failures: z.int().min(0).max(1000),
  open_seconds: z.int().min(1).max(300),
};

/** Body of `POST /automation/functions`. */
export const createFunctionBody = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("http"),
    name,
    url: http.url,
    headers: http.headers.default({}),
    /** false: there is no check phase, `perform` is called at once. */
    check: z.boolean().default(true),
    breaker: z
      .strictObject({
        failures: breakerSettings.failures.default(5),
        open_seconds: breakerSettings.open_seconds.default(10),
      })
      .prefault({}),
    connect_timeout_ms: steps.connect_timeout_ms.default(null),
    headers_timeout_ms: steps.headers_timeout_ms.default(null),
    body_timeout_ms: steps.body_timeout_ms.default(null),
    description: common.description.default(""),
    timeout_ms: common.timeout_ms.default(null),
    max_concurrency: common.max_concurrency.default(null),
    rate_limit: common.rate_limit.default(null),
  }),
  z.strictObject({
    kind: z.literal("module"),
    name,
    /** The module's own name, as `defineFunction` gives it; the function's name if absent. */
    module: name.optional(),
    description: common.description.default(""),
    timeout_ms: common.timeout_ms.default(null),
    max_concurrency: common.max_concurrency.default(null),
    rate_limit: common.rate_limit.default(null),
  }),
  z.strictObject({
    kind: z.literal("sandbox"),
    name,
    source: sandboxSource,
    language: sandboxLanguage.default("javascript"),
    hosts: sandboxHosts.default([]),
    limits: sandboxLimits.prefault({}),
    description: common.description.default(""),
    timeout_ms: common.timeout_ms.default(null),
    max_concurrency: common.max_concurrency.default(null),
    rate_limit: common.rate_limit.default(null),
  }),
]);
export type CreateFunctionBody = z.infer<typeof createFunctionBody>;

/** Body of `PATCH /automation/functions/{id}`. The kind cannot change; `url`, `headers`, `check`, `breaker` and the limits of steps belong to kind `http`, `module` to kind `module`, the last four to kind `sandbox`. `source` makes a new version; `language` is that of the source, and cannot change without one. */
export const patchFunctionBody = z
  .strictObject({
    name,
    ...common,
    ...http,
    ...steps,
    check: z.boolean(),
    breaker: z.strictObject(breakerSettings).partial(),
    module: name,
    source: sandboxSource,
    language: sandboxLanguage,
    hosts: sandboxHosts,
    limits: sandboxLimits,
  })
  .partial()
  .refine((body) => Object.keys(body).length > 0, "must change at least one field")
  .refine((body) => body.language === undefined || body.source !== undefined, {
    path: ["language"],
    error: "belongs to a source: it cannot change without one",
  });
export type PatchFunctionBody = z.infer<typeof patchFunctionBody>;

/** A function's circuit breaker. Instants are null while it is closed. */
export const breaker = z.object({
  state: breakerState,
  /** Attempts in a row that have failed in a way that another may not. */
  failures: z.int(),
  opened_at: instant.nullable(),
  /** Until then every execution is postponed; after it one tries whether the function has recovered. */
  retry_at: instant.nullable(),
  settings: z.object(breakerSettings),
});

/** A function as the API answers it. `account_id` is null for a module that the workers brought along: every account may use it, none may change it. */
export const functionRecord = z.object({
  id: z.uuid(),
  account_id: z.uuid().nullable(),
  name: z.string(),
  description: z.string(),
  kind: functionKind,
  url: z.string().nullable(),
  headers: z.record(z.string(), z.string()).nullable(),
  module: z.string().nullable(),
  check: z.boolean(),
  timeout_ms: z.int().nullable(),
  /** Of kind `sandbox`: the version that runs, where its `fetch` may go, and what it may use. */
  version: z.int().nullable(),
  hosts: z.array(z.string()).nullable(),
  limits: storedLimits.nullable(),
  /** Null for kinds other than `http`. */
  breaker: breaker.nullable(),
  ...limits,
  connect_timeout_ms: z.int().nullable(),
  headers_timeout_ms: z.int().nullable(),
  body_timeout_ms: z.int().nullable(),
  created_at: instant,
  updated_at: instant,
});
export type FunctionRecord = z.infer<typeof functionRecord>;

/** What signs the calls of a function of kind `http`, by Standard Webhooks: `whsec_` and base64. Answered once, and never again. */
const signingSecret = z.string();

/** A function as the call that created it answers it. Only functions of kind `http` have a secret. */
export const createdFunction = functionRecord.extend({ signing_secret: signingSecret.optional() });
export type CreatedFunctionRecord = z.infer<typeof createdFunction>;

const MAX_OVERLAP_SECONDS = 30 * 86_400;

/** Body of `POST /automation/functions/{id}/rotate-secret`; it may be absent. */
export const rotateSecretBody = z
  .strictObject({
    /** For how long the older secrets sign beside the new one. */
    overlap_seconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).default(86_400),
  })
  .prefault({});

/** A new secret, and until when older ones sign beside it (null if there are none). */
export const rotatedSecret = z.object({
  function_id: z.uuid(),
  signing_secret: signingSecret,
  older_secrets_until: instant.nullable(),
});
