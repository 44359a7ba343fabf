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
    const { signing_secret, ...created } = answer.json();
    expect(answer.headers.location).toBe(`/automation/functions/${created.id}`);
    expect(created).toEqual({
      ...body,
      id: expect.any(String),
      account_id: client.accountId,
      description: "",
      module: null,
      check: true,
      version: null,
      hosts: null,
      limits: null,
      breaker: {
        state: "closed",
        failures: 0,
        opened_at: null,
        retry_at: null,
        settings: { failures: 5, open_seconds: 10 },
      },
      max_concurrency: null,
      rate_limit: null,
      connect_timeout_ms: null,
      headers_timeout_ms: null,
      body_timeout_ms: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await client.get(`/automation/functions/${created.id}`)).json()).toEqual(created);
    expect(signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it("takes limits for the steps of a call, which a module has not", async () => {
    const limits = { connect_timeout_ms: 100, headers_timeout_ms: 200, body_timeout_ms: null };
    const id = await aFunction(client, limits);
    expect((await client.get(`/automation/functions/${id}`)).json()).toMatchObject(limits);
    const patched = await client.patch(`/automation/functions/${id}`, { body_timeout_ms: 5, connect_timeout_ms: null });
    expect(patched.json()).toMatchObject({ connect_timeout_ms: null, headers_timeout_ms: 200, body_timeout_ms: 5 });
    for (const [field, value] of [
      ["connect_timeout_ms", 60_001],
      ["headers_timeout_ms", 0],
      ["body_timeout_ms", 1.5],
    ] as const) {
      const refused = await client.patch(`/automation/functions/${id}`, { [field]: value });
      expect([refused.statusCode, refused.json().details[0].path]).toEqual([422, field]);
    }
    const module = (
      await client.post("/automation/functions", { name: "m", kind: "module", module: "tidy-up" })
    ).json();
    expect((await client.patch(`/automation/functions/${module.id}`, { body_timeout_ms: 5 })).statusCode).toBe(422);
  });

  it.each(["webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE", "traceparent", "Belfry-Deadline"])(
    "refuses a header that the request itself needs: %s",
    async (name) => {
      const body = { name: "hook 2", kind: "http", url: "https://example.test/", headers: { [name]: "mine" } };
      expect((await client.post("/automation/functions", body)).json().details).toMatchObject([{ path: "headers" }]);
    },
  );

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

describe("POST /automation/functions/{id}/rotate-secret", () => {
  const rotate = (id: string, body?: unknown, by = client) =>
    by.post(`/automation/functions/${id}/rotate-secret`, body);

  it("answers a new secret, which nothing answers again and no log has, and until when the older one signs", async () => {
    const { id, signing_secret: first } = (
      await client.post("/automation/functions", { name: "rotated", kind: "http", url: "https://example.test/" })
    ).json();
    const answer = await rotate(id, { overlap_seconds: 60 });
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
    const { signing_secret: second, older_secrets_until, ...rest } = answer.json();
    expect(rest).toEqual({ function_id: id });
    expect(second).toMatch(/^whsec_/);
    expect(second).not.toBe(first);
    const left = Date.parse(older_secrets_until) - Date.now();
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);

    const elsewhere = [
      (await client.get(`/automation/functions/${id}`)).body,
      (await client.get("/automation/functions?limit=100")).body,
      (await client.patch(`/automation/functions/${id}`, { description: "d" })).body,
      (await client.delete(`/automation/functions/${id}`)).body,
      ...api.logged,
    ].join();
    for (const secret of [first, second]) expect(elsewhere).not.toContain(secret);
  });

  it("takes a day for the change unless told otherwise, and ends the older ones at once if told so", async () => {
    const id = await aFunction(client);
    const day = Date.parse((await rotate(id)).json().older_secrets_until) - Date.now();
    expect(day).toBeGreaterThan(86_000_000);
    expect((await rotate(id, { overlap_seconds: 0 })).json().older_secrets_until).toBeNull();
  });

  it("refuses what it cannot do", async () => {
    const id = await aFunction(client);
    const refusals = [
      await rotate(id, { overlap_seconds: -1 }),
      await rotate(id, { overlap_seconds: 30 * 86_400 + 1 }),
      await rotate(id, { overlap: 1 }),
      await rotate(id, undefined, await api.newClient()),
      await rotate("01928c3e-7a00-7000-8000-000000000001"),
    ];
    expect(refusals.map((answer) => answer.statusCode)).toEqual([422, 422, 422, 404, 404]);

    const mine = (await client.post("/automation/functions", { name: "m2", kind: "module", module: "tidy-up" })).json();
    expect([mine.signing_secret, (await rotate(mine.id)).json().code]).toEqual([undefined, "VALIDATION_ERROR"]);
    const list = (await client.get("/automation/functions?limit=100")).json();
    const shared = list.find((fn: { account_id: string | null }) => fn.account_id === null);
    expect((await rotate(shared.id)).json().code).toBe("FORBIDDEN");
  });

  it("keeps ten valid secrets at most", async () => {
    const id = await aFunction(client);
    const answers = await Promise.all(Array.from({ length: 10 }, () => rotate(id)));
    expect(answers.map((answer) => answer.statusCode).sort()).toEqual([...Array(9).fill(200), 409]);
    expect((await rotate(id, { overlap_seconds: 0 })).statusCode).toBe(200);
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
