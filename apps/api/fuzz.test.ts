import { API_ERRORS } from "@belfry/contract/errors.ts";
import fc from "fast-check";
import type { InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorAnswer } from "./answers.ts";
import { type Answer, aFunction, anExecution, type Client, startTestApi, type TestApi } from "./test-api.ts";

let api: TestApi;
let client: Client;
let ids: { functions: string; jobs: string; executions: string; calendars: string };

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  const { id, job_id } = await anExecution(client);
  const calendars = (await client.post("/automation/calendars", { name: "holidays", dates: [] })).json().id;
  ids = { functions: await aFunction(client), jobs: job_id, executions: id, calendars };
});
afterAll(() => api.close());

/** All of Unicode, and what is none: U+0000, lone surrogates, names that JavaScript gives a meaning. */
const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.array(fc.nat({ max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "\u0000",
      "\ud800",
      "a\udc00",
      "__proto__",
      "constructor",
      "toString",
      " ",
      "x".repeat(5_000),
    ),
  },
);

const anyJson = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }) },
  { weight: 1, arbitrary: anyText },
  { weight: 1, arbitrary: fc.constantFrom(null, -1, 0, 1.5, 2 ** 31, 2 ** 53, 1e308, [], {}, true) },
);

/** What would be accepted, so that the wrong value of one field is not hidden by that of another. */
const soundJob = () => ({ function_id: ids.functions, name: "fuzz", schedule: "@hourly" });
const soundCalendar = () => ({ name: "fuzz", dates: ["2030-12-25"] });
const soundFunction = () => ({ name: "fuzz", kind: "http", url: "http://127.0.0.1:9/" });

const JOB_FIELDS = [
  "function_id",
  "name",
  "schedule",
  "description",
  "project",
  "timezone",
  "payload",
  "priority",
  "pool",
  "max_runs",
  "check_timeout_ms",
  "perform_timeout_ms",
  "retry",
  "delivery",
  "enabled",
];
const CALENDAR_FIELDS = ["name", "description", "dates"];
const FUNCTION_FIELDS = ["name", "kind", "url", "headers", "check", "description", "timeout_ms", "module"];

const nearValues = fc.oneof(
  { weight: 3, arbitrary: anyJson },
  {
    weight: 2,
    arbitrary: anyText.chain((text) =>
      fc.constantFrom<unknown>(
        `@every ${text}`,
        `* * * * ${text}`,
        `2${text}-01-01T00:00:00Z`,
        `http://127.0.0.1/${text}`,
        `https://${text}`,
        `Europe/${text}`,
        { type: "cron", value: text },
        { type: "once", value: text },
        { [text]: text },
        { type: "daily", time: "09:00", calendars: { exclude: ["holidays", text] } },
        ["2030-01-01", text],
        { attempts: text },
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>("0 0 29 2 *", "@every 1ms", "9999-12-31T23:59:59.999Z", "@yearly", {
      attempts: 100,
    }),
  },
);

const changes = (fields: string[]) =>
  fc.dictionary(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...fields) }, { weight: 1, arbitrary: anyText }),
    nearValues,
    { maxKeys: 3 },
  );

/** A body as text: sound but for some fields, any JSON, or no JSON at all. */
const anyBody = fc.oneof(
  { weight: 4, arbitrary: changes(JOB_FIELDS).map((change) => () => JSON.stringify({ ...soundJob(), ...change })) },
  {
    weight: 3,
    arbitrary: changes(FUNCTION_FIELDS).map((change) => () => JSON.stringify({ ...soundFunction(), ...change })),
  },
  {
    weight: 2,
    arbitrary: changes(CALENDAR_FIELDS).map((change) => () => JSON.stringify({ ...soundCalendar(), ...change })),
  },
  { weight: 2, arbitrary: changes([...JOB_FIELDS, ...FUNCTION_FIELDS]).map((change) => () => JSON.stringify(change)) },
  { weight: 1, arbitrary: anyJson.map((value) => () => JSON.stringify(value)) },
  { weight: 1, arbitrary: anyText.map((text) => () => text) },
  { weight: 1, arbitrary: fc.constant(() => '{"__proto__":{"x":1},"name":"n","constructor":{"prototype":{}}}') },
);

const QUERY_NAMES = [
  "limit",
  "cursor",
  "name",
  "status",
  "enabled",
  "project",
  "function_id",
  "job_id",
  "trigger",
  "from",
  "to",
  "count",
];

const anyQuery = fc
  .array(
    fc.tuple(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...QUERY_NAMES) }, { weight: 1, arbitrary: anyText }),
      fc.oneof(
        anyText.map(encode),
        anyText.map((text) => Buffer.from(text).toString("base64url")),
        fc.nat().map((ms) => Buffer.from(`${ms}${ms}.00000000-0000-7000-8000-000000000000`).toString("base64url")),
        fc.date({ noInvalidDate: true }).map((date) => encode(date.toISOString())),
        fc.constantFrom("1", "true", "active", "running", "manual", "%00", "%", "%ff", "+", "0000-01-01T00:00:00Z"),
      ),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${encode(name)}=${value}`).join("&"));

const anyId = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom("functions" as const, "jobs" as const, "executions" as const, "calendars" as const)
      .map((kind) => () => ids[kind]),
  },
  { weight: 1, arbitrary: fc.uuid().map((id) => () => id) },
  { weight: 1, arbitrary: anyText.map((text) => () => encode(text)) },
  { weight: 1, arbitrary: fc.constantFrom("%00", "%zz", "..", "").map((text) => () => text) },
);

const anyHeaders = fc.record(
  {
    "idempotency-key": headerText(),
    "x-request-id": headerText(),
    "content-type": fc.oneof(fc.constantFrom("application/json", "text/calendar"), headerText()),
    accept: headerText(),
  },
  { requiredKeys: [] },
);

const METHODS = ["GET", "POST", "PATCH", "DELETE", "HEAD", "PUT", "OPTIONS"] as const;
const PATHS = [
  "/automation/jobs",
  "/automation/jobs/:id",
  "/automation/jobs/:id/run",
  "/automation/jobs/:id/pause",
  "/automation/jobs/:id/resume",
  "/automation/jobs/:id/executions",
  "/automation/jobs/:id/next-runs",
  "/automation/functions",
  "/automation/functions/:id",
  "/automation/calendars",
  "/automation/calendars/:id",
  "/automation/calendars/:id/import",
  "/automation/executions",
  "/automation/executions/:id",
  "/automation/executions/:id/cancel",
  "/livez",
  "/readyz",
  "/openapi.json",
  "/:id",
];

describe("no request makes a 500", () => {
  it("whatever its body", async () => {
    const targets = [
      ["POST", "/automation/jobs"],
      ["PATCH", "/automation/jobs/:id"],
      ["POST", "/automation/functions"],
      ["PATCH", "/automation/functions/:id"],
      ["POST", "/automation/calendars"],
      ["PATCH", "/automation/calendars/:id"],
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...targets), anyBody, async ([method, path], body) => {
        const id = ids[path.split("/")[2] as keyof typeof ids];
        const headers = { "content-type": "application/json" };
        checkAnswer(await send(method, path.replace(":id", id), { headers, payload: body() }));
      }),
      { numRuns: 1_000 },
    );
  });

  it("whatever its path, query and headers", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METHODS),
        fc.constantFrom(...PATHS),
        anyId,
        anyQuery,
        anyHeaders,
        fc.option(anyBody),
        async (method, path, id, query, headers, body) => {
          const url = `${path.replace(":id", id())}?${query}`;
          checkAnswer(await send(method, url, { headers, ...(body && { payload: body() }) }));
        },
      ),
      { numRuns: 1_500 },
    );
  });

  it("whatever its credentials", async () => {
    await fc.assert(
      fc.asyncProperty(headerText(), fc.constantFrom("", "Bearer ", "Basic "), async (text, scheme) => {
        const authorization = `${scheme}${text}`;
        const answer = await api.app.inject({ url: "/automation/jobs", headers: { authorization } });
        expect(answer.statusCode).toBe(401);
        checkAnswer(answer);
      }),
      { numRuns: 200 },
    );
  });
});

function send(method: NonNullable<InjectOptions["method"]>, url: string, options: InjectOptions): Promise<Answer> {
  return api.app.inject({
    ...options,
    method,
    url,
    headers: { ...options.headers, authorization: `Bearer ${client.key}` },
  });
}

function checkAnswer(answer: Answer): void {
  if (answer.statusCode >= 500) throw new Error(`${answer.statusCode}: ${api.logged.slice(-2).join("")}`);
  expect(answer.headers["x-request-id"]).toBeDefined();
  if (answer.statusCode < 400 || answer.body === "") return;
  const error = errorAnswer.strict().parse(answer.json());
  expect(API_ERRORS[error.code]).toEqual([answer.statusCode, error.error]);
  expect(error.message).not.toBe("");
}

/** Percent-encoded; what cannot be encoded goes as the replacement character, as a browser does it. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** What a header can carry at all: Latin-1 without control characters. */
function headerText(): fc.Arbitrary<string> {
  return fc.array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: 300 }).map((codes) => {
    const printable = codes.filter((code) => code !== 0x7f);
    return String.fromCharCode(...printable).trim();
  });
}
