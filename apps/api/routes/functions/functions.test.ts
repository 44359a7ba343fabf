import { registerModules } from "@belfry/db/functions.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aFunction, aJob, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  await registerModules(api.db, [{ name: "tidy-up", description: "Tidies up", check: false, timeoutMs: null }]);
});
afterAll(() => api.close());

describe("POST /automation/functions", () => {
  it("registers a function of kind http", async () => {
    const body = {
      name: "hook",
      kind: "http",
      url: "https://example.test/hook",
      headers: { "x-token": "t" },
      timeout_ms: 500,
    };
    const answer = await client.post("/automation/functions", body);
    expect(answer.statusCode).toBe(201);
    const created = answer.json();
    expect(answer.headers.location).toBe(`/automation/functions/${created.id}`);
    expect(created).toEqual({
      ...body,
      id: expect.any(String),
      account_id: client.accountId,
      description: "",
      module: null,
      check: true,
      max_concurrency: null,
      rate_limit: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await client.get(`/automation/functions/${created.id}`)).json()).toEqual(created);
  });

  it("registers a function of kind module that a worker has brought along", async () => {
    const answer = await client.post("/automation/functions", { name: "mine", kind: "module", module: "tidy-up" });
    expect(answer.json()).toMatchObject({ kind: "module", module: "tidy-up", check: false, url: null, headers: null });
  });

  it("refuses a module that no worker has", async () => {
    const answer = await client.post("/automation/functions", { name: "nobody's", kind: "module" });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().details).toEqual([{ path: "module", message: expect.any(String), code: "invalid" }]);
  });

  it("lets one of five win that want the same name at once", async () => {
    const body = { name: "wanted", kind: "http", url: "http://127.0.0.1:9/" };
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.post("/automation/functions", body)));
    expect(answers.map((answer) => answer.statusCode).sort()).toEqual([201, 409, 409, 409, 409]);
  });
});

describe("GET /automation/functions", () => {
  it("lists the account's own and the shared ones, page by page", async () => {
    const lister = await api.newClient();
    const mine = [await aFunction(lister), await aFunction(lister)];
    const first = await lister.get("/automation/functions?limit=2");
    expect(first.json().map((fn: { id: string }) => fn.id)).toEqual(mine.toReversed());
    const second = await lister.get(/<(.+)>/.exec(String(first.headers.link))?.[1] as string);
    expect(second.json()).toMatchObject([{ name: "tidy-up", account_id: null, kind: "module" }]);
  });
});

describe("PATCH /automation/functions/{id}", () => {
  it("changes what is named", async () => {
    const id = await aFunction(client);
    const answer = await client.patch(`/automation/functions/${id}`, { url: "http://127.0.0.1:9/other", check: false });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id, url: "http://127.0.0.1:9/other", check: false });
  });

  it("refuses a field of the other kind", async () => {
    const answer = await client.patch(`/automation/functions/${await aFunction(client)}`, { module: "tidy-up" });
    expect([answer.statusCode, answer.json().code]).toEqual([422, "VALIDATION_ERROR"]);
  });

  it("does not let an account change what all share", async () => {
    const shared = (await client.get("/automation/functions?limit=100"))
      .json()
      .find((fn: { name: string }) => fn.name === "tidy-up");
    const answer = await client.patch(`/automation/functions/${shared.id}`, { description: "mine" });
    expect([answer.statusCode, answer.json().code]).toEqual([403, "FORBIDDEN"]);
    expect((await client.delete(`/automation/functions/${shared.id}`)).statusCode).toBe(403);
  });
});

describe("DELETE /automation/functions/{id}", () => {
  it("takes it out of use", async () => {
    const id = await aFunction(client);
    expect((await client.delete(`/automation/functions/${id}`)).json()).toMatchObject({ id });
    expect((await client.get(`/automation/functions/${id}`)).statusCode).toBe(404);
  });

  it("is refused while a job calls it", async () => {
    const job = await aJob(client);
    const answer = await client.delete(`/automation/functions/${job.function_id}`);
    expect([answer.statusCode, answer.json().code]).toEqual([409, "FUNCTION_IN_USE"]);
    await client.delete(`/automation/jobs/${job.id}`);
    expect((await client.delete(`/automation/functions/${job.function_id}`)).statusCode).toBe(200);
  });
});
