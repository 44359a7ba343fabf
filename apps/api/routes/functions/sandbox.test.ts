import { setTimeout as sleep } from "node:timers/promises";
import { answerTest, claimTest } from "@belfry/db/function-tests.ts";
import { registerModules } from "@belfry/db/functions.ts";
import { listen, TEST_CHANNEL } from "@belfry/db/listen.ts";
import { makeWorker, rowsOf } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aFunction, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  await registerModules(api.db, [{ name: "tidy-up", description: "", check: false, timeoutMs: null }]);
});
afterAll(() => api.close());

const SOURCE = "export function handler({ phase }) { return phase === 'check' ? { shouldPerform: true } : 1 }";
const sandbox = (fields: Record<string, unknown> = {}) =>
  aFunction(client, { kind: "sandbox", url: undefined, source: SOURCE, ...fields });
const get = async (url: string) => (await client.get(url)).json();

describe("POST /automation/functions of kind sandbox", () => {
  it("compiles and keeps a source", async () => {
    const body = { name: "mine", kind: "sandbox", source: SOURCE, hosts: ["API.example.com", "*.example.org:8443"] };
    const answer = await client.post("/automation/functions", body);
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({
      kind: "sandbox",
      version: 1,
      check: true,
      hosts: ["api.example.com", "*.example.org:8443"],
      limits: { memory_mb: 32, cpu_ms: 5000 },
      url: null,
      module: null,
    });
    expect(answer.json()).not.toHaveProperty("source");
  });

  it("says where a source is wrong", async () => {
    const refused = async (source: string, language: string) =>
      (await client.post("/automation/functions", { name: "wrong", kind: "sandbox", source, language })).json();
    expect(await refused("const a = 1;\n  foo bar;", "javascript")).toEqual({
      error: "validation error",
      message: "source: expecting ';' (line 2, column 7)",
      code: "SOURCE_INVALID",
      details: [{ path: "source", message: "expecting ';'", code: "source_invalid", line: 2, column: 7 }],
    });
    expect(await refused("const a: number = ;", "typescript")).toMatchObject({
      code: "SOURCE_INVALID",
      details: [{ line: 1, column: 19 }],
    });
    expect(await refused("export const other = 1", "javascript")).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("exports no handler"),
    });
  });

  it.each([
    [{ source: "x".repeat(256 * 1024 + 1) }, 413, "source"],
    [{ source: "" }, 422, "source"],
    [{ hosts: ["http://a.b/"] }, 422, "hosts.0"],
    [{ hosts: ["*"] }, 422, "hosts.0"],
    [{ hosts: ["*.com"] }, 422, "hosts.0"],
    [{ hosts: ["a.b:0"] }, 422, "hosts.0"],
    [{ hosts: ["a.b:70000"] }, 422, "hosts.0"],
    [{ limits: { memory_mb: 129 } }, 422, "limits.memory_mb"],
    [{ limits: { disk_mb: 1 } }, 422, "limits.disk_mb"],
    [{ url: "http://a.b/" }, 422, "url"],
    [{ check: false }, 422, "check"],
  ])("refuses %.60j", async (fields, status, path) => {
    const answer = await client.post("/automation/functions", {
      name: "no",
      kind: "sandbox",
      source: SOURCE,
      ...fields,
    });
    expect([answer.statusCode, answer.json().details?.[0]?.path]).toEqual([status, path]);
  });
});

describe("versions", () => {
  it("are made by each new source, and an older one can be made current again", async () => {
    const id = await sandbox();
    const typed =
      "import { defineFunction } from '@belfry/functions';\nexport default defineFunction({ perform: (): number => 2 });";
    const patched = await client.patch(`/automation/functions/${id}`, { source: typed, language: "typescript" });
    expect(patched.json()).toMatchObject({ version: 2, check: false });
    const listed = await get(`/automation/functions/${id}/versions`);
    expect(listed).toMatchObject([
      { version: 2, language: "typescript", check: false, current: true, bytes: typed.length },
      { version: 1, language: "javascript", check: true, current: false },
    ]);
    expect(await get(`/automation/functions/${id}/versions/2`)).toMatchObject({ version: 2, source: typed });

    const back = await client.post(`/automation/functions/${id}/rollback`, { version: 1 });
    expect(back.json()).toMatchObject({ version: 1, check: true });
    await client.patch(`/automation/functions/${id}`, { source: SOURCE });
    expect((await get(`/automation/functions/${id}`)).version).toBe(3);
    const page = await client.get(`/automation/functions/${id}/versions?limit=2`);
    expect(page.json().map(({ version }: { version: number }) => version)).toEqual([3, 2]);
    const next = await client.get(/<(.+)>/.exec(String(page.headers.link))?.[1] as string);
    expect(next.json()).toMatchObject([{ version: 1, current: false }]);
  });

  it("get different numbers when two are made at once", async () => {
    const id = await sandbox();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => client.patch(`/automation/functions/${id}`, { source: SOURCE })),
    );
    expect(answers.map((answer) => answer.json().version).sort()).toEqual([2, 3, 4, 5, 6]);
  });

  it("are not made by what is refused", async () => {
    const id = await sandbox();
    const http = await aFunction(client);
    const patch = async (of: string, body: unknown) =>
      (await client.patch(`/automation/functions/${of}`, body)).json().code;
    expect(await patch(id, { source: "(" })).toBe("SOURCE_INVALID");
    expect(await patch(id, { language: "typescript" })).toBe("VALIDATION_ERROR");
    expect(await patch(id, { url: "http://a.b/" })).toBe("VALIDATION_ERROR");
    expect(await patch(http, { source: SOURCE })).toBe("VALIDATION_ERROR");
    expect(await patch(http, { hosts: [] })).toBe("VALIDATION_ERROR");
    expect(await get(`/automation/functions/${id}/versions`)).toHaveLength(1);
    expect(await get(`/automation/functions/${http}/versions`)).toEqual([]);
  });

  it("that there are not cannot be asked for", async () => {
    const id = await sandbox();
    expect((await client.get(`/automation/functions/${id}/versions/2`)).statusCode).toBe(404);
    expect((await client.get(`/automation/functions/${id}/versions/x`)).statusCode).toBe(404);
    expect(await get(`/automation/functions/${id}/versions/99999999999`)).toMatchObject({
      code: "NOT_FOUND",
      message: "must be a whole number from 1 to 999999999",
    });
    for (const [of, version] of [
      [id, 2],
      [await aFunction(client), 1],
    ] as const) {
      const answer = await client.post(`/automation/functions/${of}/rollback`, { version });
      expect([answer.statusCode, answer.json().details[0].path]).toEqual([422, "version"]);
    }
  });
});

describe("POST /automation/functions/{id}/test", () => {
  const test = (id: string, body: unknown = {}) => client.post(`/automation/functions/${id}/test`, body);
  const phase = {
    input: {},
    output: { n: 1 },
    logs: [],
    error: null,
    started_at: "2026-11-20T09:00:00.000Z",
    duration_ms: 1,
  };

  it("says at once that there is no worker of the pool", async () => {
    const answer = await test(await sandbox(), { pool: "nobody" });
    expect([answer.statusCode, answer.json()]).toEqual([
      409,
      { error: "conflict", code: "NO_WORKER", message: 'no worker of the pool "nobody" is running' },
    ]);
  });

  it("asks a worker, and answers what it says", async () => {
    const id = await sandbox({ timeout_ms: 1_000 });
    const worker = { id: await makeWorker(api.db), pool: "default", modules: [] };
    const asked = Promise.withResolvers<void>();
    const listener = listen(api.url, TEST_CHANNEL, { onNotify: () => asked.resolve(), onError: asked.reject });
    await sleep(300);
    const answering = test(id, { payload: { city: "Ulm" }, phase: "perform", event: { a: 1 }, version: 1 });
    await asked.promise;
    const claimed = await claimTest(api.db, worker);
    expect(claimed).toMatchObject({
      accountId: client.accountId,
      request: { payload: { city: "Ulm" }, phase: "perform", event: { a: 1 }, version: 1, pool: "default" },
      function: { id, version: 1 },
    });
    expect(await claimTest(api.db, worker)).toBeNull();
    await answerTest(api.db, claimed?.id as string, {
      check: null,
      perform: phase,
      rollback: null,
      function_version: 1,
      error: null,
    });
    const answer = await answering;
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { check: null, perform: phase, rollback: null, function_version: 1, error: null },
    ]);
    expect(await rowsOf(api.db, sql`select id from function_tests`)).toEqual([]);
    await listener.close();
  });

  it("gives up when no worker answers, and then none shall begin", async () => {
    const worker = { id: await makeWorker(api.db), pool: "default", modules: [] };
    const answer = await test(await sandbox({ timeout_ms: 1 }), { phase: "check" });
    expect([answer.statusCode, answer.json().code]).toEqual([504, "TEST_TIMEOUT"]);
    expect(await claimTest(api.db, worker)).toBeNull();
  });

  it("needs no body", async () => {
    const id = await sandbox();
    await api.db.execute(sql`delete from workers`);
    for (const answer of [await client.post(`/automation/functions/${id}/test`), await test(id, {})]) {
      expect([answer.statusCode, answer.json().message]).toEqual([409, 'no worker of the pool "default" is running']);
    }
  });

  it("goes to a worker that has the module", async () => {
    const { id } = (await get("/automation/functions?limit=100")).find((fn: { name: string }) => fn.name === "tidy-up");
    await makeWorker(api.db);
    expect((await test(id)).json()).toMatchObject({ code: "NO_WORKER", message: expect.stringContaining('"tidy-up"') });
  });

  it.each([
    [{ version: 9 }, "version"],
    [{ version: 99_999_999_999 }, "version"],
    [{ phase: "rollback" }, "phase"],
    [{ event: [1] }, "event"],
    [{ payload: "\u0000" }, "payload"],
    [{ pool: "No Pool" }, "pool"],
    [{ other: 1 }, "other"],
  ])("refuses %j", async (body, path) => {
    const answer = await test(await sandbox(), body);
    expect([answer.statusCode, answer.json().details[0].path]).toEqual([422, path]);
  });
});

it("GET /automation/sandbox/types gives the declarations for an editor, which may keep them", async () => {
  const answer = await client.get("/automation/sandbox/types");
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(answer.headers["cache-control"]).toBe("private, max-age=3600");
  expect(answer.body).toContain('declare module "@belfry/functions"');
  const again = await api.app.inject({
    url: "/automation/sandbox/types",
    headers: { authorization: `Bearer ${client.key}`, "if-none-match": String(answer.headers.etag) },
  });
  expect([again.statusCode, again.body]).toEqual([304, ""]);
});
