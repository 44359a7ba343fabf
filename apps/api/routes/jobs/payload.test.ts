/** A job's payload against what its function asks for, as far as JSON schema can say it. */
import { registerModules } from "@belfry/db/functions.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { aFunction, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;
let shared: string;

const input = z.strictObject({ city: z.string().min(2), days: z.array(z.int()).default([1]) });
const inputSchema = input["~standard"].jsonSchema.input({ target: "draft-2020-12" }) as never;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  const common = { description: "", check: false, timeoutMs: null };
  await registerModules(api.db, [
    { ...common, name: "forecast", inputSchema },
    { ...common, name: "odd", inputSchema: { type: "no such type" } },
  ]);
  shared = (await client.get("/automation/functions")).json().find((fn: { name: string }) => fn.name === "forecast").id;
});
afterAll(() => api.close());

let jobs = 0;
const create = (function_id: string, payload?: unknown) =>
  client.post("/automation/jobs", { function_id, name: `job ${++jobs}`, schedule: "0 9 * * *", payload });
const patch = (id: string, body: unknown) => client.patch(`/automation/jobs/${id}`, body);

it("is refused with the path of each mistake", async () => {
  const answer = await create(shared, { city: "U", days: ["Monday"], when: "now" });

  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({ code: "VALIDATION_ERROR", error: "validation error" });
  expect(answer.json().details).toEqual(
    expect.arrayContaining([
      { path: "payload.when", message: "unknown field", code: "unknown_field" },
      { path: "payload.city", message: expect.stringContaining("2 characters"), code: "invalid" },
      { path: "payload.days.0", message: "must be integer", code: "invalid" },
    ]),
  );
});

it("may not be left out where something is required", async () => {
  expect((await create(shared)).json()).toMatchObject({
    message: "required: payload.city",
    details: [{ path: "payload.city", message: "is required", code: "required" }],
  });
});

it("is checked as well through a function of the account's own that refers to the module", async () => {
  const mine = await aFunction(client, { kind: "module", module: "forecast", url: undefined });
  expect((await create(mine, {})).statusCode).toBe(422);
  expect((await create(mine, { city: "Ulm" })).statusCode).toBe(201);
});

it("is checked when either of the two is changed", async () => {
  const { id } = (await create(shared, { city: "Ulm" })).json();
  expect((await patch(id, { payload: { city: 7 } })).json().details).toEqual([
    { path: "payload.city", message: "must be string", code: "invalid" },
  ]);
  expect((await patch(id, { payload: null })).statusCode).toBe(422);
  expect((await patch(id, { payload: { city: "Bern" } })).statusCode).toBe(200);

  const free = (await create(await aFunction(client), { anything: true })).json();
  expect((await patch(free.id, { function_id: shared })).statusCode).toBe(422);
  expect((await patch(free.id, { function_id: shared, payload: { city: "Ulm" } })).statusCode).toBe(200);
});

it("may be anything for a function that says nothing of it, or whose schema is none", async () => {
  const odd = await aFunction(client, { kind: "module", module: "odd", url: undefined });
  expect((await create(odd, { any: "thing" })).statusCode).toBe(201);
  expect((await create(await aFunction(client), [1, 2])).statusCode).toBe(201);
});
