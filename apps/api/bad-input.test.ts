import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aFunction, aJob, type Client, startTestApi, type TestApi } from "./test-api.ts";

let api: TestApi;
let client: Client;
let functionId: string;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  functionId = await aFunction(client);
});
afterAll(() => api.close());

const nested = (levels: number): unknown => (levels === 0 ? 1 : { deeper: nested(levels - 1) });

/** What is changed in a body that would be accepted; undefined takes a field out. */
type Change = Record<string, unknown>;

describe("a job", () => {
  it.each<[what: string, change: Change, message: string, path: string, code: string]>([
    ["no function", { function_id: undefined }, "required: function_id", "function_id", "required"],
    ["no name", { name: undefined }, "required: name", "name", "required"],
    ["no schedule", { schedule: undefined }, "required: schedule", "schedule", "required"],
    ["an unknown field", { colour: "red" }, "unknown field: colour", "colour", "unknown_field"],
    ["an unknown inner field", { retry: { tries: 3 } }, "unknown field: retry.tries", "retry.tries", "unknown_field"],
    ["a name of another type", { name: 7 }, "name: must be a string", "name", "invalid_type"],
    ["an empty name", { name: "  " }, "name: must not be empty", "name", "too_small"],
    ["a long name", { name: "n".repeat(300) }, "name: must have at most 255 characters", "name", "too_big"],
    [
      "a control character in the name",
      { name: "a\tb" },
      "name: must not contain control characters",
      "name",
      "invalid",
    ],
    ["U+0000 in the name", { name: "a\u0000b" }, "name: must not contain control characters", "name", "invalid"],
    ["a lone surrogate in the name", { name: "a\ud800" }, "name: must not contain a lone surrogate", "name", "invalid"],
    [
      "U+0000 in the description",
      { description: "\u0000" },
      "description: must not contain U+0000 or a lone surrogate",
      "description",
      "invalid",
    ],
    [
      "a project that is no slug",
      { project: "Üben\u0000" },
      expect.stringMatching(/^project: must be 1 to 63/) as never,
      "project",
      "invalid_format",
    ],
    [
      "an unknown priority",
      { priority: "urgent" },
      "priority: must be one of critical, high, medium, low, background",
      "priority",
      "invalid_value",
    ],
    ["enabled as text", { enabled: "yes" }, "enabled: must be true or false", "enabled", "invalid_type"],
    ["a fraction of a run", { max_runs: 1.5 }, "max_runs: must be a whole number", "max_runs", "invalid_type"],
    ["fewer than no runs", { max_runs: -1 }, "max_runs: must be at least 0", "max_runs", "too_small"],
    [
      "too many attempts",
      { retry: { attempts: 1000 } },
      "retry.attempts: must be at most 100",
      "retry.attempts",
      "too_big",
    ],
    [
      "a schedule of no known form",
      { schedule: 5 },
      "schedule: must be a string or an object",
      "schedule",
      "invalid_union",
    ],
    [
      "a schedule of an unknown type",
      { schedule: { type: "lunar", value: "full moon" } },
      "schedule.type: must be one of cron, interval, once, instants, daily, weekly, monthly, yearly, rrule, any, all, except",
      "schedule.type",
      "invalid_union",
    ],
    [
      "a schedule with a time of another type, as a picker sends it",
      { schedule: { schedule_type: "daily", schedule_time: 9 } },
      "schedule.schedule_time: must be a string",
      "schedule.schedule_time",
      "invalid_type",
    ],
    [
      "a schedule with an unknown field, as a picker sends it",
      { schedule: { schedule_type: "daily", schedule_time: "09:00", colour: "red" } },
      "unknown field: schedule.colour",
      "schedule.colour",
      "unknown_field",
    ],
    [
      "a schedule of a type that the picker does not have",
      { schedule: { schedule_type: "hourly", schedule_time: "09:00" } },
      "schedule.schedule_type: must be one of daily, weekly, monthly, custom",
      "schedule.schedule_type",
      "invalid_value",
    ],
    [
      "a schedule without a type",
      { schedule: { time: "09:00" } },
      "required: schedule.type",
      "schedule.type",
      "required",
    ],
    [
      "a schedule that lacks what its type needs",
      { schedule: { type: "weekly", time: "09:00" } },
      "required: schedule.days",
      "schedule.days",
      "required",
    ],
    [
      "a payload that is too deep",
      { payload: nested(11) },
      "payload is nested deeper than 10 levels",
      "payload",
      "too_deep",
    ],
    [
      "U+0000 in the payload",
      { payload: { a: ["\u0000"] } },
      "payload has text with U+0000 or a lone surrogate, which cannot be stored",
      "payload",
      "not_storable",
    ],
    [
      "a lone surrogate in a key of the payload",
      { payload: { "\udc00": 1 } },
      "payload has text with U+0000 or a lone surrogate, which cannot be stored",
      "payload",
      "not_storable",
    ],
  ])("is refused for %s", async (_, change, message, path, code) => {
    await expectRefused(change, { message, path, code, answerCode: "VALIDATION_ERROR" });
  });

  it.each<[schedule: string, message: RegExp, code: string]>([
    ["", /^required: schedule$/, "SCHEDULE_REQUIRED"],
    ["* * * *", /must contain 5/, "CRON_FIELD_COUNT"],
    ["* * * * * * *", /must contain 5/, "CRON_FIELD_COUNT"],
    ["99 * * * *", /99/, "CRON_FIELD_INVALID"],
    ["0 0 30 2 *", /unable to find next run/, "CRON_NEVER_RUNS"],
    ["@every 0s", /0s/, "DURATION_INVALID"],
    ["@every abc", /^parse duration "abc"/, "DURATION_INVALID"],
    ["@fortnightly", /fortnightly/, "SCHEDULE_NAME_UNKNOWN"],
    ["2001-01-01T00:00:00Z", /is in the past/, "SCHEDULE_OVER"],
  ])("is refused for the schedule %j", async (schedule, message, code) => {
    const expected = { message: expect.stringMatching(message) as never, path: "schedule", code };
    await expectRefused({ schedule }, { ...expected, answerCode: schedule === "" ? undefined : "SCHEDULE_INVALID" });
  });

  it.each(["Mars/Olympus", "", "+02:00"])("is refused for the time zone %j", async (timezone) => {
    const expected = { message: expect.any(String) as never, path: "timezone", code: "TIMEZONE_UNKNOWN" };
    await expectRefused({ timezone }, { ...expected, answerCode: "SCHEDULE_INVALID" });
  });

  it.each(["1", "x".repeat(100), "00000000-0000-7000-8000-000000000000"])(
    "is refused for a function that there is not: %j",
    async (id) => {
      const expected = {
        message: expect.stringMatching(/does not exist$/) as never,
        path: "function_id",
        code: "invalid",
      };
      await expectRefused({ function_id: id }, { ...expected, answerCode: "VALIDATION_ERROR" });
    },
  );

  it.each(["schedule", "timezone", "function_id"])(
    "is refused for U+0000 or a lone surrogate in its %s",
    async (path) => {
      for (const text of ["UTC\u0000", "0 9 * * *\ud800"]) {
        const message = `${path}: must not contain U+0000 or a lone surrogate`;
        await expectRefused({ [path]: text }, { message, path, code: "not_storable", answerCode: "VALIDATION_ERROR" });
      }
    },
  );

  it("is refused for a function of another account, in the same words", async () => {
    const stranger = await api.newClient();
    const id = await aFunction(stranger);
    const message = `function "${id}" does not exist`;
    await expectRefused(
      { function_id: id },
      { message, path: "function_id", code: "invalid", answerCode: "VALIDATION_ERROR" },
    );
  });

  it("is refused for a payload over 256 KB, and taken with one just below", async () => {
    const large = await create({ payload: "x".repeat(256 * 1024) });
    expect(large.statusCode).toBe(413);
    expect(large.json()).toMatchObject({
      error: "payload too large",
      code: "PAYLOAD_TOO_LARGE",
      details: [{ path: "payload" }],
    });
    expect((await create({ payload: "x".repeat(256 * 1024 - 2) })).statusCode).toBe(201);
  });

  it("names every field that is wrong", async () => {
    const answer = await create({ name: undefined, max_runs: -1, colour: 1, payload: nested(12) });
    expect(answer.json().details.map((detail: { path: string }) => detail.path)).toEqual([
      "name",
      "payload",
      "max_runs",
      "colour",
    ]);
  });

  it("can only be changed into one that could have been made", async () => {
    const job = await aJob(client);
    const bad: Change[] = [
      { name: "" },
      { function_id: "nobody's" },
      { schedule: "0 0 30 2 *" },
      { timezone: "Mars/Olympus" },
      { payload: { a: "\u0000" } },
      { project: "\u0000" },
      { account_id: job.id },
    ];
    for (const change of bad) expect((await client.patch(`/automation/jobs/${job.id}`, change)).statusCode).toBe(422);
    expect((await client.get(`/automation/jobs/${job.id}`)).json()).toEqual(job);
  });

  let names = 0;

  function create(change: Change) {
    const body = { function_id: functionId, name: `bad job ${++names}`, schedule: "@hourly", ...change };
    return client.post("/automation/jobs", body);
  }

  async function expectRefused(
    change: Change,
    {
      message,
      path,
      code,
      answerCode,
    }: { message: string; path: string; code: string; answerCode: string | undefined },
  ): Promise<void> {
    const before = await count();
    const answer = await create(change);
    expect(answer.statusCode).toBe(422);
    const body = answer.json();
    expect(body).toMatchObject({ error: "validation error", message, ...(answerCode && { code: answerCode }) });
    expect(body.details).toEqual([{ path, message: expect.any(String), code }]);
    expect(await count()).toBe(before);
  }

  async function count(): Promise<unknown> {
    return (await api.db.execute(sql`select count(*) from jobs`)).rows[0]?.count;
  }
});

describe("a function", () => {
  it.each<[what: string, change: Change, message: string, path: string]>([
    ["no name", { name: undefined }, "required: name", "name"],
    ["no kind", { kind: undefined }, "required: kind", "kind"],
    ["an unknown kind", { kind: "ftp" }, "kind: must be one of http, module, sandbox", "kind"],
    ["no URL", { url: undefined }, "required: url", "url"],
    ["a URL that is none", { url: "somewhere" }, "url: must be an http or https URL", "url"],
    ["a URL of another protocol", { url: "file:///etc/passwd" }, "url: must be an http or https URL", "url"],
    [
      "U+0000 in the URL",
      { url: "http://127.0.0.1/\u0000" },
      "url: must not contain U+0000 or a lone surrogate",
      "url",
    ],
    [
      "a lone surrogate in the URL",
      { url: "http://127.0.0.1/?q=\ud800" },
      "url: must not contain U+0000 or a lone surrogate",
      "url",
    ],
    [
      "a header that is none",
      { headers: { "no good": "x" } },
      "headers.no good: is not a header name",
      "headers.no good",
    ],
    ["U+0000 in a header", { headers: { "x-a": "\u0000" } }, "headers.x-a: must be printable ASCII", "headers.x-a"],
    ["a field of the other kind", { module: "m" }, "unknown field: module", "module"],
    ["a timeout of nothing", { timeout_ms: 0 }, "timeout_ms: must be at least 1", "timeout_ms"],
  ])("is refused for %s", async (_, change, message, path) => {
    const answer = await client.post("/automation/functions", {
      name: "f",
      kind: "http",
      url: "http://127.0.0.1/",
      ...change,
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      error: "validation error",
      message,
      code: "VALIDATION_ERROR",
      details: [{ path }],
    });
  });

  it("does not lose a header that JavaScript gives a meaning", async () => {
    const answer = await send('{"name":"f","kind":"http","url":"http://127.0.0.1/","headers":{"__proto__":"x"}}');
    expect(answer.json()).toMatchObject({ message: "unknown field: headers.__proto__", code: "VALIDATION_ERROR" });
  });
});

describe("a body", () => {
  it.each([
    ["an open brace", "{", 400, "MALFORMED_JSON", /^body is not valid JSON/],
    ["JavaScript", '{"name": undefined}', 400, "MALFORMED_JSON", /^body is not valid JSON/],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), 400, "MALFORMED_JSON", /not UTF-8/],
    ["nothing", "", 422, "VALIDATION_ERROR", /^required: body$/],
    ["blanks", "  ", 422, "VALIDATION_ERROR", /^required: body$/],
    ["null", "null", 422, "VALIDATION_ERROR", /^required: body$/],
    ["an array", "[]", 422, "VALIDATION_ERROR", /^body: must be an object$/],
    ["a text", '"text"', 422, "VALIDATION_ERROR", /^body: must be an object$/],
    ["a key __proto__", '{"__proto__":{"kind":"http"}}', 422, "VALIDATION_ERROR", /^required: kind$/],
    [
      "a hundred thousand brackets",
      `{"name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      422,
      "VALIDATION_ERROR",
      /^required: kind$/,
    ],
    ["more than 1 MiB", `{"headers":${" ".repeat(1024 * 1024)}{}}`, 413, "PAYLOAD_TOO_LARGE", /1 MiB/],
  ])("of %s is refused", async (_, payload, status, code, message) => {
    const answer = await send(payload);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.json().message).toMatch(message);
  });

  it("with a payload of a hundred thousand brackets is refused as too deep", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const answer = await send(
      `{"function_id":"f","name":"n","schedule":"@daily","payload":${deep}}`,
      "/automation/jobs",
    );
    expect(answer.json()).toMatchObject({ code: "VALIDATION_ERROR", details: [{ path: "payload", code: "too_deep" }] });
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/xml", "nonsense"])(
    "of type %s is refused",
    async (type) => {
      const answer = await send("{}", "/automation/functions", type);
      expect([answer.statusCode, answer.json().code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    },
  );

  it.each(["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])(
    "of type %s is read",
    async (type) => {
      expect((await send("{}", "/automation/functions", type)).statusCode).toBe(422);
    },
  );
});

function send(payload: string | Buffer, url = "/automation/functions", type = "application/json") {
  return api.app.inject({
    method: "POST",
    url,
    headers: { authorization: `Bearer ${client.key}`, "content-type": type },
    payload,
  });
}

describe("a query", () => {
  it.each([
    "name=%00",
    "project=%00",
    "function_id=%00",
    "cursor=AA%00",
    "status=%00",
    "enabled=1",
    "x%00=1",
    "__proto__=1",
  ])("?%s is refused", async (query) => {
    const answer = await client.get(`/automation/jobs?${query}`);
    expect([answer.statusCode, answer.json().code]).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("a path", () => {
  it.each(["1", "%00", "..%2f..", "00000000-0000-7000-8000-00000000000g", "x".repeat(200), "", "__proto__"])(
    "with the id %j is answered as any job that there is not",
    async (id) => {
      const answer = await client.get(`/automation/jobs/${id}`);
      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toEqual({ error: "not found", message: "job not found", code: "NOT_FOUND" });
    },
  );
});
