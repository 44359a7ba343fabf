import { countFailures, startProbe } from "@belfry/db/breaker.ts";
import { claimExecutions, postponeExecutions } from "@belfry/db/executions.ts";
import { registerModules } from "@belfry/db/functions.ts";
import { takeForPublish } from "@belfry/db/outbox.ts";
import { makeWorker } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aFunction, aJob, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  await registerModules(api.db, [{ name: "tidy-up", description: "", check: false, timeoutMs: null }]);
});
afterAll(() => api.close());

const breakerOf = async (id: string) => (await client.get(`/automation/functions/${id}`)).json().breaker;
const open = (id: string, failures = 5) => countFailures(api.db, id, { succeeded: false, failures });
const an = { instant: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) };

/** One planned occurrence of a function's job that a worker has claimed and put off; its instant is now. */
async function postponedOccurrence(functionId: string): Promise<{ jobId: string; executionId: string }> {
  const { id: jobId } = await aJob(client, { function_id: functionId, schedule: "0 9 * * *" });
  const executionId = (await client.post(`/automation/jobs/${jobId}/run`)).json().id as string;
  await api.db.execute(sql`update executions set trigger = 'schedule' where id = ${executionId}`);
  await takeForPublish(api.db, 10);
  const worker = await makeWorker(api.db);
  await claimExecutions(api.db, worker, [{ executionId, attempt: 1 }]);
  await postponeExecutions(api.db, worker, [{ executionId, attempt: 1, jobId, inMs: 11_000 }]);
  return { jobId, executionId };
}
const reasonOf = async (jobId: string, executionId: string) => {
  const occurrences = (await client.get(`/automation/jobs/${jobId}/occurrences`)).json();
  return occurrences.find((o: { execution_id: string }) => o.execution_id === executionId)?.reason;
};

describe("a function's circuit breaker", () => {
  it("is shown with its state and its settings, also in the list", async () => {
    const id = await aFunction(client, { breaker: { failures: 2, open_seconds: 30 } });
    const settings = { failures: 2, open_seconds: 30 };
    expect(await breakerOf(id)).toEqual({ state: "closed", failures: 0, opened_at: null, retry_at: null, settings });
    await open(id, 1);
    expect(await breakerOf(id)).toMatchObject({ state: "closed", failures: 1 });
    await open(id, 1);
    const opened = { state: "open", failures: 2, opened_at: an.instant, retry_at: an.instant, settings };
    expect(await breakerOf(id)).toEqual(opened);
    const listed = (await client.get("/automation/functions")).json().find((fn: { id: string }) => fn.id === id);
    expect(listed.breaker).toEqual(opened);
    await api.db.execute(sql`update functions set breaker_retry_at = now() where id = ${id}`);
    await startProbe(api.db, id, { executionId: crypto.randomUUID(), attempt: 1 });
    expect(await breakerOf(id)).toMatchObject({ state: "half_open" });
  });

  it("can be set by parts", async () => {
    const id = await aFunction(client, { breaker: { failures: 2 } });
    expect((await breakerOf(id)).settings).toEqual({ failures: 2, open_seconds: 10 });
    await client.patch(`/automation/functions/${id}`, { breaker: { open_seconds: 60 } });
    expect((await breakerOf(id)).settings).toEqual({ failures: 2, open_seconds: 60 });
  });

  it("is closed when it is switched off", async () => {
    const id = await aFunction(client);
    await open(id);
    await client.patch(`/automation/functions/${id}`, { breaker: { failures: 0 } });
    expect(await breakerOf(id)).toMatchObject({ state: "closed", failures: 0 });
  });

  it.each([
    [{ failures: -1 }, "breaker.failures"],
    [{ failures: 1.5 }, "breaker.failures"],
    [{ failures: 1001 }, "breaker.failures"],
    [{ open_seconds: 0 }, "breaker.open_seconds"],
    [{ open_seconds: 301 }, "breaker.open_seconds"],
    [{ seconds: 1 }, "breaker.seconds"],
    ["off", "breaker"],
  ])("refuses the settings %j", async (breaker, path) => {
    const body = { name: "refused", kind: "http", url: "http://127.0.0.1:9/", breaker };
    for (const answer of [
      await client.post("/automation/functions", body),
      await client.patch(`/automation/functions/${await aFunction(client)}`, { breaker }),
    ]) {
      expect(answer.statusCode).toBe(422);
      expect(answer.json().details[0].path).toBe(path);
    }
  });

  it("is none of a module's", async () => {
    const module = (
      await client.post("/automation/functions", { name: "m", kind: "module", module: "tidy-up" })
    ).json();
    expect(module.breaker).toBeNull();
    const answer = await client.patch(`/automation/functions/${module.id}`, { breaker: { failures: 1 } });
    expect(answer.json()).toMatchObject({ code: "VALIDATION_ERROR" });
  });

  it("is said to be why an execution waits", async () => {
    const functionId = await aFunction(client);
    await open(functionId);
    const { jobId, executionId } = await postponedOccurrence(functionId);
    const { retry_at } = await breakerOf(functionId);
    expect(await reasonOf(jobId, executionId)).toBe(`waits: the function's circuit breaker is open until ${retry_at}`);
  });
});

describe("POST /automation/functions/{id}/reset-breaker", () => {
  it("closes it, and what it has postponed may start", async () => {
    const functionId = await aFunction(client);
    await open(functionId);
    const { jobId, executionId } = await postponedOccurrence(functionId);
    const answer = await client.post(`/automation/functions/${functionId}/reset-breaker`);
    expect(answer.statusCode).toBe(200);
    expect(answer.json().breaker).toMatchObject({ state: "closed", failures: 0, opened_at: null, retry_at: null });
    expect(await reasonOf(jobId, executionId)).toBe("waits for a worker");
    expect((await client.post(`/automation/functions/${functionId}/reset-breaker`)).statusCode).toBe(200);
  });

  it.each([
    ["module", { module: "tidy-up" }],
    ["sandbox", { source: "export const perform = () => 1;" }],
  ])("says that a function of kind %s has none", async (kind, fields) => {
    const id = await aFunction(client, { kind, url: undefined, ...fields });
    const answer = await client.post(`/automation/functions/${id}/reset-breaker`);
    expect([answer.statusCode, answer.json()]).toEqual([
      409,
      { error: "conflict", code: "CONFLICT", message: `a function of kind ${kind} has no circuit breaker` },
    ]);
  });

  it("refuses a body, and knows no module shared by all", async () => {
    const functionId = await aFunction(client);
    expect((await client.post(`/automation/functions/${functionId}/reset-breaker`, { now: true })).statusCode).toBe(
      422,
    );
    const shared = (await client.get("/automation/functions"))
      .json()
      .find((fn: { name: string; account_id: string | null }) => fn.account_id === null);
    expect((await client.post(`/automation/functions/${shared.id}/reset-breaker`)).statusCode).toBe(404);
  });
});
