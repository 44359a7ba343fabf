import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aFunction, aJob, type Client, jobBody, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
});
afterAll(() => api.close());

const UNKNOWN = "/automation/jobs/00000000-0000-7000-8000-000000000000";

describe("POST /automation/jobs", () => {
  it("makes a job with the defaults of all that was not said", async () => {
    const functionId = await aFunction(client);
    const answer = await client.post("/automation/jobs", {
      function_id: functionId,
      name: "Hourly Sync",
      description: "Sync data every hour",
      schedule: "@hourly",
    });
    expect(answer.statusCode).toBe(201);
    const job = answer.json();
    expect(answer.headers.location).toBe(`/automation/jobs/${job.id}`);
    expect(job).toEqual({
      id: expect.any(String),
      account_id: client.accountId,
      function_id: functionId,
      name: "Hourly Sync",
      description: "Sync data every hour",
      project: null,
      schedule: "@hourly",
      schedule_description: "Every hour, UTC",
      timezone: "UTC",
      dst: null,
      payload: {},
      priority: "medium",
      pool: "default",
      max_runs: 0,
      timeout_ms: null,
      check_timeout_ms: null,
      perform_timeout_ms: null,
      misfire: { policy: "run_once", grace_ms: 60_000, max_runs: 100, max_age_ms: 86_400_000 },
      overlap: { policy: "skip", max_instances: 1, max_queued: 10 },
      auto_pause_after: 0,
      retry: { attempts: 1, backoff_ms: 1000, max_backoff_ms: 3_600_000, jitter: 0.5 },
      delivery: "at_least_once",
      status: "active",
      enabled: true,
      run_count: 0,
      last_run: null,
      next_run: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: expect.any(String),
      deleted_at: null,
      paused_reason: null,
      warnings: [
        { code: "NO_WORKER", message: 'no living worker serves the pool "default"', since: expect.any(String) },
      ],
    });
  });

  it.each([1, 1_000])("takes auto_pause_after: %i", async (auto_pause_after) => {
    const job = await aJob(client, { auto_pause_after });
    expect(job).toMatchObject({ auto_pause_after });
    const patched = await client.patch(`/automation/jobs/${job.id}`, { auto_pause_after: 0 });
    expect(patched.json()).toMatchObject({ auto_pause_after: 0 });
  });

  it.each([-1, 1.5, 1_001, "5", null])("refuses auto_pause_after: %j", async (auto_pause_after) => {
    const answer = await client.post("/automation/jobs", await jobBody(client, { auto_pause_after }));
    expect(answer.statusCode).toBe(422);
    expect(answer.json().details).toMatchObject([{ path: "auto_pause_after" }]);
  });

  it("takes a structured schedule and answers with what was written", async () => {
    const job = await aJob(client, { schedule: { type: "interval", value: "1h30m" }, timezone: "Europe/Berlin" });
    expect(job).toMatchObject({ schedule: { type: "interval", value: "1h30m" }, timezone: "Europe/Berlin" });
  });

  it("draws what H stands for from the job's id, and keeps to the job's rule where clocks are changed", async () => {
    const dst = { gap: "skip", fold: "last" };
    const fields = { schedule: "H 2 8 3 *", timezone: "America/New_York", dst };
    const jobs = await Promise.all(Array.from({ length: 5 }, () => aJob(client, fields)));
    expect(jobs[0]).toMatchObject({ schedule: "H 2 8 3 *", dst });
    expect(new Set(jobs.map(({ next_run }) => next_run)).size).toBeGreaterThan(1);
    const [job] = jobs as [(typeof jobs)[0]];
    // In the years in which the clocks skip that hour on 8 March it does not run at all; without the rule it is put off.
    const skips = [2037, 2043];
    const years = async () => {
      const runs = (await client.get(`/automation/jobs/${job.id}/next-runs?count=20`)).json() as string[];
      return runs.map((run) => new Date(run).getUTCFullYear());
    };
    expect((await years()).filter((year) => skips.includes(year))).toEqual([]);
    const { schedule_description } = (await client.patch(`/automation/jobs/${job.id}`, { dst: null })).json();
    expect(schedule_description).toMatch(/^At 02:\d\d, on the 8th of March, America\/New_York$/);
    expect((await years()).filter((year) => skips.includes(year))).toEqual(skips);
  });

  it("gives no next run to a job that begins disabled", async () => {
    expect(await aJob(client, { enabled: false })).toMatchObject({ enabled: false, next_run: null });
  });

  it.each([
    ["text", '"just text"'],
    ["an array", "[1,[2,[3]]]"],
    ["keys that JavaScript gives a meaning", '{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}'],
  ])("keeps a payload as it was sent: %s", async (_, payload) => {
    const body = JSON.stringify(await jobBody(client)).replace(/}$/, `,"payload":${payload}}`);
    const created = await api.app.inject({
      method: "POST",
      url: "/automation/jobs",
      headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" },
      payload: body,
    });
    expect(created.statusCode).toBe(201);
    const read = await client.get(created.headers.location as string);
    expect(read.body).toContain(`"payload":${payload}`);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  it("refuses a name that the project has already, and takes it in another project", async () => {
    const body = await jobBody(client, { name: "Daily Report", project: "sales" });
    expect((await client.post("/automation/jobs", body)).statusCode).toBe(201);

    const again = await client.post("/automation/jobs", body);
    expect(again.statusCode).toBe(409);
    expect(again.json()).toEqual({
      error: "conflict",
      message: 'job with name "Daily Report" already exists',
      code: "JOB_NAME_TAKEN",
      details: [{ path: "name", message: "is taken", code: "taken" }],
    });
    expect((await client.post("/automation/jobs", { ...body, project: "support" })).statusCode).toBe(201);
  });

  it("lets one of ten win that want the same name at once", async () => {
    const body = await jobBody(client, { name: "wanted" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.post("/automation/jobs", body)));
    expect(answers.map((answer) => answer.statusCode).sort()).toEqual([201, ...Array(9).fill(409)]);
  });
});

describe("Idempotency-Key", () => {
  it("answers a second call with the job of the first", async () => {
    const body = await jobBody(client);
    const first = await client.post("/automation/jobs", body, { "idempotency-key": "order 4711" });
    const second = await client.post("/automation/jobs", body, { "idempotency-key": "order 4711" });
    expect(second.statusCode).toBe(201);
    expect(second.json()).toEqual(first.json());
    expect(first.headers).not.toHaveProperty("idempotency-replayed");
    expect(second.headers["idempotency-replayed"]).toBe("true");
  });

  it("makes one job of ten calls at once", async () => {
    const body = await jobBody(client);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.post("/automation/jobs", body, { "idempotency-key": "at once" })),
    );
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array(10).fill(201));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers["idempotency-replayed"]).length).toBe(9);
  });

  it("is not to be used for another body", async () => {
    const body = await jobBody(client);
    await client.post("/automation/jobs", body, { "idempotency-key": "k" });
    const other = await client.post("/automation/jobs", { ...body, name: "other" }, { "idempotency-key": "k" });
    expect(other.statusCode).toBe(422);
    expect(other.json().code).toBe("IDEMPOTENCY_KEY_REUSED");
  });

  it("belongs to an account", async () => {
    const stranger = await api.newClient();
    const mine = await client.post("/automation/jobs", await jobBody(client), { "idempotency-key": "same" });
    const theirs = await stranger.post("/automation/jobs", await jobBody(stranger), { "idempotency-key": "same" });
    expect([mine.statusCode, theirs.statusCode]).toEqual([201, 201]);
    expect(theirs.json().id).not.toBe(mine.json().id);
  });

  it.each([
    ["empty", ""],
    ["too long", "x".repeat(256)],
    ["not ASCII", "schlüssel"],
  ])("is refused when %s", async (_, key) => {
    const answer = await client.post("/automation/jobs", await jobBody(client), { "idempotency-key": key });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: "BAD_REQUEST", details: [{ path: "idempotency-key" }] });
  });
});

describe("GET /automation/jobs", () => {
  it("lists page after page, newest first, with the filters kept in the link", async () => {
    const lister = await api.newClient();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await aJob(lister, { project: "p-1" })).id);
    await aJob(lister, { project: "p-2" });

    const seen: string[] = [];
    let url: string | undefined = "/automation/jobs?project=p-1&limit=2";
    while (url !== undefined) {
      const answer = await lister.get(url);
      expect(answer.statusCode).toBe(200);
      seen.push(...answer.json().map((job: { id: string }) => job.id));
      url = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ""))?.[1];
      if (url) expect(url).toContain("project=p-1&limit=2");
    }
    expect(seen).toEqual(ids);
  });

  it("has no link on a page that is the last and full", async () => {
    const lister = await api.newClient();
    await aJob(lister);
    await aJob(lister);
    const answer = await lister.get("/automation/jobs?limit=2");
    expect(answer.json()).toHaveLength(2);
    expect(answer.headers).not.toHaveProperty("link");
  });

  it("filters by name, status, enabled, project and function", async () => {
    const lister = await api.newClient();
    const first = await aJob(lister, { name: "first", project: "p" });
    const second = await aJob(lister, { name: "second", enabled: false });
    const third = await aJob(lister, { name: "third" });
    await lister.post(`/automation/jobs/${third.id}/pause`);
    const names = async (query: string) =>
      (await lister.get(`/automation/jobs?${query}`)).json().map((job: { name: string }) => job.name);

    expect(await names("name=first")).toEqual(["first"]);
    expect(await names("status=paused")).toEqual(["third"]);
    expect(await names("enabled=false")).toEqual(["second"]);
    expect(await names("enabled=true&status=active")).toEqual(["first"]);
    expect(await names("project=p")).toEqual(["first"]);
    expect(await names(`function_id=${second.function_id}`)).toEqual(["second"]);
    expect(await names(`function_id=${first.id}`)).toEqual([]);
  });
});

describe("PATCH /automation/jobs/{id}", () => {
  it("changes what is named and nothing else", async () => {
    const job = await aJob(client, { payload: { a: 1 } });
    const answer = await client.patch(`/automation/jobs/${job.id}`, { description: "new", schedule: "*/30 * * * *" });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      ...job,
      description: "new",
      schedule: "*/30 * * * *",
      schedule_description: "Every 30 minutes, UTC",
      next_run: expect.stringMatching(/:(00|30):00\.000Z$/),
      updated_at: expect.any(String),
      // Nobody serves it since it is planned as it is.
      warnings: [expect.objectContaining({ code: "NO_WORKER" })],
    });
  });

  it("disables and enables", async () => {
    const job = await aJob(client);
    const off = await client.patch(`/automation/jobs/${job.id}`, { enabled: false });
    expect(off.json()).toMatchObject({ enabled: false, next_run: null });
    const on = await client.patch(`/automation/jobs/${job.id}`, { enabled: true });
    expect(on.json()).toMatchObject({ enabled: true, next_run: job.next_run });
  });

  it("takes the payload away when it is null", async () => {
    const job = await aJob(client, { payload: { a: 1 } });
    expect((await client.patch(`/automation/jobs/${job.id}`, { payload: null })).json().payload).toEqual({});
  });

  it("refuses the name of another job", async () => {
    const job = await aJob(client);
    const other = await aJob(client);
    const answer = await client.patch(`/automation/jobs/${job.id}`, { name: other.name });
    expect([answer.statusCode, answer.json().code]).toEqual([409, "JOB_NAME_TAKEN"]);
  });

  it("refuses an empty change", async () => {
    const job = await aJob(client);
    const answer = await client.patch(`/automation/jobs/${job.id}`, {});
    expect(answer.json()).toMatchObject({ code: "VALIDATION_ERROR", message: "body: must change at least one field" });
  });
});

describe("pause, resume, delete", () => {
  it("pauses, which takes back what is pending, and resumes", async () => {
    const job = await aJob(client);
    const run = (await client.post(`/automation/jobs/${job.id}/run`)).json();

    const paused = await client.post(`/automation/jobs/${job.id}/pause`);
    expect(paused.statusCode).toBe(200);
    expect(paused.json()).toMatchObject({ status: "paused", enabled: true, next_run: null, run_count: 0 });
    const execution = (await client.get(`/automation/executions/${run.id}`)).json();
    expect(execution).toMatchObject({ status: "skipped", skip_reason: "paused" });

    const resumed = await client.post(`/automation/jobs/${job.id}/resume`);
    expect(resumed.json()).toMatchObject({ status: "active", next_run: job.next_run });
  });

  it("deletes softly: the job is disabled, can be read, and its name stays taken", async () => {
    const job = await aJob(client);
    const deleted = await client.delete(`/automation/jobs/${job.id}`);
    expect(deleted.statusCode).toBe(200);
    expect(deleted.json()).toMatchObject({ id: job.id, enabled: false, deleted_at: expect.any(String) });
    expect((await client.get(`/automation/jobs/${job.id}`)).json()).toEqual(deleted.json());
  });

  it("does not bring a job back whose function is gone", async () => {
    const fn = await client.post("/automation/functions", {
      name: "short-lived",
      kind: "http",
      url: "http://127.0.0.1:9/",
    });
    const job = await aJob(client, { function_id: fn.json().id });
    await client.delete(`/automation/jobs/${job.id}`);
    expect((await client.delete(`/automation/functions/${fn.json().id}`)).statusCode).toBe(200);
    const revived = await client.patch(`/automation/jobs/${job.id}`, { enabled: true });
    expect([revived.statusCode, revived.json().details[0].path]).toEqual([422, "function_id"]);
  });

  it("takes an empty body with a content type, and refuses one that says something", async () => {
    const job = await aJob(client);
    const empty = await client.post(`/automation/jobs/${job.id}/pause`, undefined, {
      "content-type": "application/json",
    });
    expect(empty.statusCode).toBe(200);
    expect((await client.post(`/automation/jobs/${job.id}/run`, { payload: {} })).statusCode).toBe(422);
  });
});

describe("POST /automation/jobs/{id}/run", () => {
  it("answers with the execution, before it has started", async () => {
    const job = await aJob(client);
    const answer = await client.post(`/automation/jobs/${job.id}/run`);
    expect(answer.statusCode).toBe(202);
    const execution = answer.json();
    expect(answer.headers.location).toBe(`/automation/executions/${execution.id}`);
    expect(execution).toEqual({
      id: expect.any(String),
      job_id: job.id,
      account_id: client.accountId,
      function_id: job.function_id,
      trigger: "manual",
      scheduled_for: expect.any(String),
      occurrences: 1,
      scheduled_until: execution.scheduled_for,
      status: "pending",
      skip_reason: null,
      attempt: 1,
      worker: null,
      started_at: null,
      completed_at: null,
      duration_ms: null,
      error: null,
      check: null,
      perform: null,
      rollback: null,
      progress: null,
      function_version: null,
    });
    expect((await client.get(`/automation/jobs/${job.id}`)).json().run_count).toBe(1);
  });

  it("gives the same execution for the same Idempotency-Key, also at once", async () => {
    const job = await aJob(client);
    const run = () => client.post(`/automation/jobs/${job.id}/run`, undefined, { "idempotency-key": "click 1" });
    const answers = await Promise.all(Array.from({ length: 6 }, run));
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array(6).fill(202));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers["idempotency-replayed"] === "true")).toHaveLength(5);
    const another = await client.post(`/automation/jobs/${job.id}/run`, undefined, { "idempotency-key": "click 2" });
    expect(another.json().id).not.toBe(answers[0]?.json().id);
  });

  it("refuses a job that is not active", async () => {
    const job = await aJob(client, { enabled: false });
    const answer = await client.post(`/automation/jobs/${job.id}/run`);
    expect([answer.statusCode, answer.json().code]).toEqual([409, "JOB_NOT_ACTIVE"]);
  });
});

describe("GET /automation/jobs/{id}/executions", () => {
  it("lists those of the job only, page by page", async () => {
    const job = await aJob(client);
    await client.post(`/automation/jobs/${(await aJob(client)).id}/run`);
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.unshift((await client.post(`/automation/jobs/${job.id}/run`)).json().id);

    const first = await client.get(`/automation/jobs/${job.id}/executions?limit=2&trigger=manual`);
    const next = /^<([^>]+)>; rel="next"$/.exec(String(first.headers.link))?.[1] as string;
    const second = await client.get(next);
    const seen = [...first.json(), ...second.json()].map((execution: { id: string }) => execution.id);
    expect(seen).toEqual(ids);
    expect(second.headers).not.toHaveProperty("link");
  });

  it("does not know a job that there is not", async () => {
    expect((await client.get(`${UNKNOWN}/executions`)).statusCode).toBe(404);
  });
});

describe("GET /automation/jobs/{id}/next-runs", () => {
  it("begins with next_run", async () => {
    const job = await aJob(client, { schedule: "0 0 1 1 *" });
    const runs = (await client.get(`/automation/jobs/${job.id}/next-runs?count=3`)).json();
    const year = Number(String(job.next_run).slice(0, 4));
    expect(runs).toEqual([0, 1, 2].map((n) => `${year + n}-01-01T00:00:00.000Z`));
    expect((await client.get(`/automation/jobs/${job.id}/next-runs`)).json()).toHaveLength(5);
  });

  it("ends with the schedule and with max_runs", async () => {
    const once = await aJob(client, { schedule: "2999-12-31T00:00:00+01:00" });
    expect((await client.get(`/automation/jobs/${once.id}/next-runs`)).json()).toEqual(["2999-12-30T23:00:00.000Z"]);
    const limited = await aJob(client, { max_runs: 2 });
    expect((await client.get(`/automation/jobs/${limited.id}/next-runs`)).json()).toHaveLength(2);
  });

  it("is empty for a job that is not active", async () => {
    const job = await aJob(client, { enabled: false });
    expect((await client.get(`/automation/jobs/${job.id}/next-runs`)).json()).toEqual([]);
  });

  it.each(["0", "101", "1e1", "-1", "", "x"])("refuses a count of %j", async (count) => {
    const answer = await client.get(`${UNKNOWN}/next-runs?count=${count}`);
    expect(answer.json()).toMatchObject({ code: "BAD_REQUEST", details: [{ path: "count" }] });
  });
});
