import type { Json } from "@belfry/contract/json.ts";
import { claimGated } from "@belfry/db/claim-gated.ts";
import { claimExecutions, finishExecutions, retryExecution } from "@belfry/db/executions.ts";
import { makeWorker } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aJob, anExecution, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;
let worker: string;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
  worker = await makeWorker(api.db);
});
afterAll(() => api.close());

async function start(executionId: string, attempt = 1): Promise<void> {
  const claimed = await claimExecutions(api.db, worker, [{ executionId, attempt }]);
  expect(claimed).toHaveLength(1);
}

async function finish(executionId: string, output: Json, attempt = 1): Promise<void> {
  const phase = {
    input: {},
    output,
    logs: ["hello"],
    error: null,
    started_at: new Date().toISOString(),
    duration_ms: 1.5,
  };
  const verdict = {
    executionId,
    attempt,
    status: "success" as const,
    skipReason: null,
    error: null,
    check: phase,
    perform: phase,
  };
  expect((await finishExecutions(api.db, worker, [verdict])).size).toBe(1);
}

describe("GET /automation/executions/{id}", () => {
  it("says why one that is pending has not started, also of a manual run", async () => {
    const { id: jobId, function_id } = await aJob(client, { overlap: { policy: "allow" } });
    await client.patch(`/automation/functions/${function_id}`, { max_concurrency: 1 });
    const run = async () => (await client.post(`/automation/jobs/${jobId}/run`)).json().id as string;
    const waiting = async (id: string) => (await client.get(`/automation/executions/${id}`)).json().waiting;
    const [first, second] = [await run(), await run()];
    expect(await waiting(first)).toBe("waits for a worker");

    const both = [first, second].map((executionId) => ({ executionId, attempt: 1 }));
    await claimGated(api.db, worker, both);
    expect([await waiting(first), await waiting(second)]).toEqual([null, "waits: the function's limit of 1 at once"]);
    await finish(first, null);
    expect(await waiting(first)).toBeNull();
  });

  it("answers with both phases of one that has ended", async () => {
    const { id } = await anExecution(client);
    await start(id);
    await finish(id, { done: true });
    const answer = await client.get(`/automation/executions/${id}`);
    expect(answer.statusCode).toBe(200);
    const phase = {
      input: {},
      output: { done: true },
      logs: ["hello"],
      error: null,
      started_at: expect.any(String),
      duration_ms: 1.5,
    };
    expect(answer.json()).toMatchObject({
      id,
      status: "success",
      worker,
      attempt: 1,
      started_at: expect.any(String),
      completed_at: expect.any(String),
      duration_ms: expect.any(Number),
      error: null,
      check: phase,
      perform: phase,
      attempts: [],
    });
  });

  it("lists the attempts before the last", async () => {
    const { id } = await anExecution(client);
    await start(id);
    const error = { code: "FUNCTION_ERROR" as const, message: "no luck" };
    await retryExecution(api.db, worker, {
      executionId: id,
      attempt: 1,
      error,
      check: null,
      perform: null,
      retryInMs: 0,
    });
    const execution = (await client.get(`/automation/executions/${id}`)).json();
    expect(execution).toMatchObject({ status: "pending", attempt: 2, started_at: null });
    expect(execution.attempts).toEqual([
      { attempt: 1, outcome: "failed", worker, started_at: expect.any(String), ended_at: expect.any(String), error },
    ]);
  });

  it("answers with an output that is nested deeper than anybody reads", async () => {
    const { id } = await anExecution(client);
    const levels = 2_000;
    const deep: Json = JSON.parse("[".repeat(levels) + "]".repeat(levels));
    await start(id);
    await finish(id, deep);
    for (const url of [`/automation/executions/${id}`, "/automation/executions?limit=1"]) {
      const answer = await client.get(url);
      expect(answer.statusCode).toBe(200);
      expect(answer.body).toContain("[".repeat(levels));
    }
  });
});

describe("GET /automation/executions", () => {
  it("filters by job, status, trigger and time", async () => {
    const lister = await api.newClient();
    const first = await anExecution(lister);
    const second = await anExecution(lister);
    await start(second.id);
    const { scheduled_for } = (await lister.get(`/automation/executions/${second.id}`)).json();
    const ids = async (query: string) =>
      (await lister.get(`/automation/executions?${query}`)).json().map((execution: { id: string }) => execution.id);

    expect(await ids("")).toEqual([second.id, first.id]);
    expect(await ids(`job_id=${first.job_id}`)).toEqual([first.id]);
    expect(await ids("status=running")).toEqual([second.id]);
    expect(await ids("trigger=schedule")).toEqual([]);
    expect(await ids(`from=${scheduled_for}`)).toEqual([second.id]);
    expect(await ids(`to=${scheduled_for}`)).toEqual([first.id]);
    expect(await ids("from=2000-01-01T00:00:00%2B02:00&to=2001-01-01T00:00:00Z")).toEqual([]);
  });

  it("walks through pages while new ones arrive", async () => {
    const lister = await api.newClient();
    const job = await aJob(lister);
    const run = async (): Promise<string> => (await lister.post(`/automation/jobs/${job.id}/run`)).json().id;
    const ids = [await run(), await run(), await run()].toReversed();

    const seen: string[] = [];
    let url: string | undefined = "/automation/executions?limit=1";
    while (url !== undefined) {
      const answer = await lister.get(url);
      seen.push(...answer.json().map((execution: { id: string }) => execution.id));
      url = /<(.+)>/.exec(String(answer.headers.link ?? ""))?.[1];
      await run();
    }
    expect(seen).toEqual(ids);
  });

  it.each([
    "from=yesterday",
    "from=2026-01-01",
    "from=2026-02-30T00:00:00Z",
    "from=0000-01-01T00:00:00Z",
    "to=0001-01-01T00:00:00%2B23:59",
    "to=9999-12-31T23:59:59-23:59",
    "job_id=1",
    "status=done",
    "cursor=AAAA",
    "cursor=%00",
    `cursor=${Buffer.from("99999999999999999.00000000-0000-7000-8000-000000000000").toString("base64url")}`,
    "limit=1&limit=2",
    "limit=",
    "limit=101",
    "colour=red",
  ])("refuses ?%s", async (query) => {
    const answer = await client.get(`/automation/executions?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      error: "bad request",
      code: "BAD_REQUEST",
      details: [{ path: query.split("=")[0] }],
    });
  });
});

describe("POST /automation/executions/{id}/cancel", () => {
  it("cancels one that waits at once", async () => {
    const { id } = await anExecution(client);
    const answer = await client.post(`/automation/executions/${id}/cancel`);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id, status: "cancelled", error: { code: "CANCELLED" } });
  });

  it("asks one that runs to stop", async () => {
    const { id } = await anExecution(client);
    await start(id);
    const answer = await client.post(`/automation/executions/${id}/cancel`);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ id, status: "running" });
  });

  it("refuses one that has ended", async () => {
    const { id } = await anExecution(client);
    await start(id);
    await finish(id, null);
    const answer = await client.post(`/automation/executions/${id}/cancel`);
    expect(answer.statusCode).toBe(409);
    expect(answer.json()).toEqual({
      error: "conflict",
      message: "execution has ended: it is success",
      code: "EXECUTION_FINAL",
    });
  });
});
