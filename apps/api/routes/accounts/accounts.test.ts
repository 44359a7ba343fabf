import { afterAll, beforeAll, expect, it } from "vitest";
import { aFunction, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;
let admin: Client;
beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  admin = await api.newClient("admin");
});
afterAll(() => api.close());

it("shows an account what it may do at most", async () => {
  const answer = await client.get("/automation/account");
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({ id: client.accountId, max_concurrency: null, rate_limit: null });
});

it("lets admins change the limits of any account, and nobody else", async () => {
  const url = `/automation/accounts/${client.accountId}`;
  const limits = { max_concurrency: 50, rate_limit: { starts: 100, per_seconds: 60 } };
  expect((await client.patch(url, limits)).statusCode).toBe(403);
  expect((await admin.patch(url, limits)).json()).toMatchObject({ id: client.accountId, ...limits });
  expect((await client.get("/automation/account")).json()).toMatchObject(limits);
  const without = await admin.patch(url, { rate_limit: null });
  expect(without.json()).toMatchObject({ max_concurrency: 50, rate_limit: null });
});

it("refuses limits that are none", async () => {
  const url = `/automation/accounts/${client.accountId}`;
  const refused = [
    {},
    { max_concurrency: 0 },
    { max_concurrency: 10_001 },
    { max_concurrency: 1.5 },
    { rate_limit: { starts: 1 } },
    { rate_limit: { starts: 1, per_seconds: 0 } },
    { name: "other" },
  ];
  for (const body of refused) expect([body, (await admin.patch(url, body)).statusCode]).toEqual([body, 422]);
  const nobody = await admin.patch(`/automation/accounts/${crypto.randomUUID()}`, { max_concurrency: 1 });
  expect(nobody.json()).toMatchObject({ code: "NOT_FOUND", message: "account not found" });
});

it("keeps a function's limits with the function", async () => {
  const id = await aFunction(client, { max_concurrency: 5 });
  const url = `/automation/functions/${id}`;
  expect((await client.get(url)).json()).toMatchObject({ max_concurrency: 5, rate_limit: null });
  const rate_limit = { starts: 10, per_seconds: 1 };
  expect((await client.patch(url, { rate_limit })).json()).toMatchObject({ max_concurrency: 5, rate_limit });
  expect((await client.patch(url, { max_concurrency: null })).json()).toMatchObject({
    max_concurrency: null,
    rate_limit,
  });
  expect((await client.patch(url, { max_concurrency: -1 })).statusCode).toBe(422);
});
