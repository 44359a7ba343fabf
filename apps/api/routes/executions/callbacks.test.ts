import { type CallbackKey, callbackSecret, callbackToken } from "@belfry/db/callback-token.ts";
import { readCallbacks } from "@belfry/db/callbacks.ts";
import { claimExecutions, finishExecutions } from "@belfry/db/executions.ts";
import { makeWorker } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anExecution, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;
let secret: Buffer;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  secret = await callbackSecret(api.db);
});
afterAll(() => api.close());

type Running = CallbackKey & { worker: string; token: string };

async function running(phase: CallbackKey["phase"] = "perform"): Promise<Running> {
  const { id: executionId } = await anExecution(client);
  const worker = await makeWorker(api.db);
  await claimExecutions(api.db, worker, [{ executionId, attempt: 1 }]);
  const key = { executionId, attempt: 1, phase } as const;
  return { ...key, worker, token: callbackToken(secret, key) };
}
const post = (executionId: string, what: "complete" | "heartbeat", token: string | null, body?: string) =>
  api.app.inject({
    method: "POST",
    url: `/automation/executions/${executionId}/${what}`,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { payload: body }),
  });
const complete = ({ executionId, token }: Running, body: unknown) =>
  post(executionId, "complete", token, JSON.stringify(body));
const heartbeat = ({ executionId, token }: Running) => post(executionId, "heartbeat", token);
const stored = async (key: CallbackKey) => (await readCallbacks(api.db, [key]))[0];

describe("POST /automation/executions/{id}/complete", () => {
  it("takes a phase's answer", async () => {
    const phase = await running();
    const answer = await complete(phase, { output: { rows: 3 } });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ execution_id: phase.executionId, attempt: 1, phase: "perform" });
    expect(await stored(phase)).toMatchObject({ answer: '{"output":{"rows":3}}' });
  });

  it("takes an error, which another attempt may not have unless it says otherwise", async () => {
    const [one, two] = [await running(), await running()];
    await complete(one, { error: { message: "the disk is full" } });
    expect((await stored(one))?.answer).toBe('{"error":{"message":"the disk is full","retryable":true}}');
    await complete(two, { error: { message: "the customer is gone", retryable: false } });
    expect((await stored(two))?.answer).toBe('{"error":{"message":"the customer is gone","retryable":false}}');
  });

  it("answers the same to the same body, and 409 to another", async () => {
    const phase = await running();
    const first = await complete(phase, { output: 1 });
    const again = await complete(phase, { output: 1 });
    expect([again.statusCode, again.body]).toEqual([200, first.body]);
    const other = await complete(phase, { output: 2 });
    expect([other.statusCode, other.json().code]).toEqual([409, "CALLBACK_ANSWERED"]);
    expect(await stored(phase)).toMatchObject({ answer: '{"output":1}' });
  });

  it("is refused when the attempt has ended", async () => {
    const phase = await running();
    const verdict = { status: "success", skipReason: null, error: null, check: null, perform: null } as const;
    await finishExecutions(api.db, phase.worker, [{ executionId: phase.executionId, attempt: 1, ...verdict }]);
    for (const answer of [await complete(phase, { output: 1 }), await heartbeat(phase)])
      expect([answer.statusCode, answer.json().code]).toEqual([409, "CALLBACK_CLOSED"]);
  });

  it.each<[string, (phase: Running, other: Running) => string | null]>([
    ["none", () => null],
    ["an empty one", () => ""],
    ["an account's key", () => client.key],
    ["the token of another execution", (_, other) => other.token],
    ["its token with another phase written on it", ({ token }) => token.replace("perform", "check")],
    ["its token with another attempt written on it", ({ token }) => token.replace(/^1/, "2")],
    ["a shorter one", ({ token }) => token.slice(0, -1)],
    ["one of another cluster", (key) => callbackToken(Buffer.alloc(32), key)],
    ["a very long one", () => "x".repeat(8_000)],
  ])("is refused without a token of the phase: %s", async (_, tokenOf) => {
    const [phase, other] = [await running(), await running()];
    for (const what of ["complete", "heartbeat"] as const) {
      const answer = await post(phase.executionId, what, tokenOf(phase, other), '{"output":1}');
      expect([answer.statusCode, answer.json().code]).toEqual([401, "UNAUTHORIZED"]);
      expect(answer.headers["www-authenticate"]).toBeDefined();
    }
    expect(await stored(phase)).toBeNull();
  });

  it("knows no execution that there is not, or no more", async () => {
    const key = { executionId: crypto.randomUUID(), attempt: 1, phase: "perform" } as const;
    const answer = await post(key.executionId, "complete", callbackToken(secret, key), '{"output":1}');
    expect([answer.statusCode, answer.json().code]).toEqual([404, "NOT_FOUND"]);
    expect((await post("nonsense", "complete", callbackToken(secret, key), '{"output":1}')).statusCode).toBe(401);
  });

  it.each([
    ["{}", ""],
    ["[]", ""],
    ["null", ""],
    ['{"output":1,"error":{"message":"both"}}', ""],
    ['{"outputs":1}', "outputs"],
    ['{"error":"text"}', "error"],
    ['{"error":{"message":""}}', "error.message"],
    ['{"error":{"message":"x","retryable":"no"}}', "error.retryable"],
    ['{"error":{"message":"\\u0000"}}', "error.message"],
  ])("refuses the body %s", async (body, path) => {
    const phase = await running();
    const answer = await post(phase.executionId, "complete", phase.token, body);
    expect([answer.statusCode, answer.json().details?.[0]?.path]).toEqual([422, path]);
    expect(await stored(phase)).toBeNull();
  });

  it("takes any JSON as output, as it is", async () => {
    for (const output of [
      "null",
      '"a\\u0000b\\ud800"',
      '{"__proto__":{"a":1}}',
      `${"[".repeat(300)}${"]".repeat(300)}`,
    ]) {
      const phase = await running();
      expect((await post(phase.executionId, "complete", phase.token, `{"output":${output}}`)).statusCode).toBe(200);
      expect((await stored(phase))?.answer).toBe(`{"output":${output}}`);
    }
  });

  it("refuses what is nested beyond all bounds, or too large", async () => {
    const phase = await running();
    const deep = `{"output":${'{"0":'.repeat(100_000)}1${"}".repeat(100_000)}}`;
    expect((await post(phase.executionId, "complete", phase.token, deep)).statusCode).toBe(422);
    const large = `{"output":"${"x".repeat(1024 * 1024)}"}`;
    expect((await post(phase.executionId, "complete", phase.token, large)).statusCode).toBe(413);
  });

  it("puts no token in the log", async () => {
    const phase = await running();
    await complete(phase, { output: 1 });
    await heartbeat(phase);
    expect(api.logged.join("")).not.toContain(phase.token.slice(-40));
  });
});

describe("POST /automation/executions/{id}/heartbeat", () => {
  it("is noted, of a check as of a perform", async () => {
    const phase = await running("check");
    const answer = await heartbeat(phase);
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { execution_id: phase.executionId, attempt: 1, phase: "check" },
    ]);
    expect((await stored(phase))?.heartbeatAt).toBeGreaterThan(0);
  });

  it("may say how far the work is, which the execution then shows", async () => {
    const phase = await running();
    const progressOf = async () => (await client.get(`/automation/executions/${phase.executionId}`)).json().progress;
    expect((await post(phase.executionId, "heartbeat", phase.token, '{"percent":40,"text":"half"}')).statusCode).toBe(
      200,
    );
    expect(await progressOf()).toMatchObject({ percent: 40, text: "half" });
    for (const body of [undefined, "{}"])
      expect((await post(phase.executionId, "heartbeat", phase.token, body)).statusCode).toBe(200);
    expect(await progressOf()).toMatchObject({ percent: 40 });
    for (const body of ['{"percent":101}', '{"text":"no number"}', "[]", '{"percent":1,"more":1}'])
      expect((await post(phase.executionId, "heartbeat", phase.token, body)).statusCode).toBe(422);
  });

  it("is refused once the phase was answered", async () => {
    const phase = await running();
    await complete(phase, { output: 1 });
    expect((await heartbeat(phase)).json().code).toBe("CALLBACK_ANSWERED");
  });
});
