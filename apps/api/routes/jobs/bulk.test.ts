import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { json as readJson } from "node:stream/consumers";
import { registerModules } from "@belfry/db/functions.ts";
import { listen, WAKE_CHANNEL } from "@belfry/db/listen.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { aFunction, aJob, type Client, startTestApi, type TestApi } from "../../test-api.ts";

const BULK = "/automation/jobs:bulk";
const LINES = { "content-type": "application/x-ndjson" };

let api: TestApi;
let client: Client;
let functionId: string;

beforeAll(async () => {
  api = await startTestApi();
});
beforeEach(async () => {
  client = await api.newClient();
  functionId = await aFunction(client);
});
afterAll(() => api.close());

let names = 0;
const aBody = (fields: Record<string, unknown> = {}) => ({
  function_id: functionId,
  name: `bulk ${++names}`,
  schedule: "0 9 * * *",
  ...fields,
});

const create = (jobs: unknown, headers: Record<string, string> = {}) => client.post(BULK, { jobs }, headers);

function sendLines(payload: string | Buffer, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${client.key}`;
  return api.app.inject({ method: "POST", url: BULK, headers: { authorization, ...LINES, ...headers }, payload });
}
const asLines = (...jobs: unknown[]) => jobs.map((job) => `${JSON.stringify(job)}\n`).join("");

async function countJobs(): Promise<number> {
  const { rows } = await api.db.execute<{ n: number }>(
    sql`select count(*)::int as n from jobs where account_id = ${client.accountId}`,
  );
  return rows[0]?.n ?? Number.NaN;
}
const read = async (id: string) => (await client.get(`/automation/jobs/${id}`)).json();

describe("POST /automation/jobs:bulk", () => {
  it("makes each job as it would be made by itself", async () => {
    await client.post("/automation/calendars", { name: "holidays", dates: ["2030-12-25"] });
    const wanted = [
      { schedule: "@every 90m", timezone: "Asia/Tokyo", priority: "high", pool: "gpu", max_runs: 7, project: "p" },
      {
        schedule: { type: "daily", time: "02:30", calendars: { exclude: ["holidays"] } },
        timezone: "Europe/Berlin",
        dst: { gap: "skip", fold: "last" },
        misfire: { policy: "run_all", grace_ms: 5 },
        overlap: { policy: "queue", max_queued: 3 },
        retry: { attempts: 4 },
      },
      { schedule: "2035-01-01T00:00:00Z", payload: { "a,b": ['{"', null, 1.5, "é\\"] }, delivery: "at_most_once" },
      { schedule: "H * * * *", enabled: false, payload: null, auto_pause_after: 3, timeout_ms: 10 },
    ];
    const answer = await create(wanted.map(aBody));
    expect(answer.statusCode).toBe(201);
    const { created, jobs } = answer.json();
    expect(created).toBe(4);

    for (const [i, fields] of wanted.entries()) {
      const bulk = await read(jobs[i].id);
      const single = await aJob(client, { ...fields, function_id: functionId });
      // Intervals begin with the job; minutes that are drawn are drawn for each job.
      const unlike = [
        "id",
        "name",
        "created_at",
        "updated_at",
        "warnings",
        "schedule_description",
        ...(i === 0 ? ["next_run"] : []),
      ];
      const alike = (job: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(job).filter(([key]) => !unlike.includes(key)));
      expect(alike(bulk)).toEqual(alike(single));
      expect(bulk).toMatchObject({ name: jobs[i].name, next_run: jobs[i].next_run });
    }
    expect(await read(jobs[3].id)).toMatchObject({ payload: {}, next_run: null, enabled: false });
    const { rows } = await api.db.execute(sql`select calendars from jobs where id = ${jobs[1].id}`);
    expect(rows).toEqual([{ calendars: ["holidays"] }]);
  });

  it("answers in the order in which they were sent, whatever their names", async () => {
    const wanted = ["c", "a", "d", "b"].map((name) => aBody({ name }));
    const { jobs } = (await create(wanted)).json();
    expect(jobs.map(({ name }: { name: string }) => name)).toEqual(["c", "a", "d", "b"]);
    const listed: { name: string }[] = (await client.get("/automation/jobs")).json();
    expect(listed.map(({ name }) => name)).toEqual(["b", "d", "a", "c"]);
  });

  it("writes what the audit of the ledger goes by", async () => {
    await create([aBody(), aBody({ enabled: false })]);
    const { rows } = await api.db.execute(sql`
      select c.kind, c.planned, c.first = j.next_run as same_first, c.schedule_spec::text = j.schedule_spec::text as same_spec
      from job_changes c join jobs j on j.id = c.job_id where j.account_id = ${client.accountId} order by c.planned desc`);
    expect(rows).toEqual([
      { kind: "created", planned: true, same_first: true, same_spec: true },
      { kind: "created", planned: false, same_first: null, same_spec: true },
    ]);
  });

  it("wakes the schedulers for what is due before they look by themselves", async () => {
    const woken: string[] = [];
    const connected = Promise.withResolvers<void>();
    const onError = (error: Error) => connected.reject(error);
    const onNotify = (payload: string) => void woken.push(payload);
    const listener = listen(api.url, WAKE_CHANNEL, { onNotify, onConnect: connected.resolve, onError });
    await connected.promise;
    await create([aBody({ schedule: "@every 10s" }), aBody({ schedule: "@every 1s", enabled: false })]);
    await create([aBody({ schedule: "@every 10s" }), aBody({ schedule: "@every 1s" })]);
    await api.db.execute(sql`select pg_notify(${WAKE_CHANNEL}, 'the last one')`);
    await expect.poll(() => woken).toContain("the last one");
    expect(woken).toEqual(["", "the last one"]);
    await listener.close();
  });

  it("of two with the same name says that it is in the call itself", async () => {
    const answer = await create([
      aBody({ name: "twice", project: "p" }),
      aBody({ name: "twice" }),
      aBody({ name: "twice" }),
    ]);
    expect(answer.json().message).toBe('jobs.2: job with name "twice" stands twice in this call');
  });

  it("makes none if one is refused, and says of each which one and why", async () => {
    await aJob(client, { name: "taken" });
    const before = await countJobs();
    const answer = await create([
      aBody(),
      aBody({ schedule: "0 0 30 2 *" }),
      aBody({ name: "taken" }),
      aBody({ function_id: "nobody's" }),
      aBody({ name: "twice" }),
      aBody({ name: "twice" }),
    ]);
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toEqual({
      error: "validation error",
      message: expect.stringMatching(/^jobs\.1: .*unable to find next run/),
      code: "SCHEDULE_INVALID",
      details: [
        { path: "jobs.1.schedule", message: expect.any(String), code: "CRON_NEVER_RUNS" },
        { path: "jobs.2.name", message: "is taken", code: "taken" },
        { path: "jobs.3.function_id", message: 'function "nobody\'s" does not exist', code: "invalid" },
        { path: "jobs.5.name", message: "is taken", code: "taken" },
      ],
    });
    expect(await countJobs()).toBe(before);
  });

  it("names the fields of the jobs that are no jobs", async () => {
    const answer = await create([
      aBody(),
      aBody({ name: undefined, retry: { tries: 1 } }),
      7,
      aBody({ priority: "urgent" }),
    ]);
    expect(answer.json()).toMatchObject({
      code: "VALIDATION_ERROR",
      message: "jobs.1: required: name",
      details: [
        { path: "jobs.1.name", code: "required" },
        { path: "jobs.1.retry.tries", code: "unknown_field" },
        { path: "jobs.2", message: "must be an object" },
        { path: "jobs.3.priority", code: "invalid_value" },
      ],
    });
  });

  it("keeps a payload as it was sent, and refuses what cannot be stored", async () => {
    const odd = await sendJson(
      `{"jobs":[{"function_id":"${functionId}","name":"odd","schedule":"@daily","payload":{"__proto__":1}}]}`,
    );
    expect(odd.statusCode).toBe(201);
    const { rows } = await api.db.execute(sql`select payload::text from jobs where id = ${odd.json().jobs[0].id}`);
    expect(rows).toEqual([{ payload: '{"__proto__":1}' }]);
    const refused = await create([aBody(), aBody({ payload: { a: "\u0000" } }), aBody({ timezone: "UTC\u0000" })]);
    expect(refused.json().details).toMatchObject([
      { path: "jobs.1.payload", code: "not_storable" },
      { path: "jobs.2.timezone", code: "not_storable" },
    ]);
    expect(refused.statusCode).toBe(422);
  });

  it.each([
    ["no jobs", { jobs: [] }, "jobs: must have at least one job"],
    ["no list", { jobs: {} }, "jobs: must be an array"],
    ["another field", { jobs: [], colour: 1 }, "jobs: must have at least one job"],
    ["nothing", undefined, "required: body"],
    ["too many", { jobs: Array.from({ length: 10_001 }, () => 1) }, "jobs: must have at most 10000 jobs"],
  ])("is refused with %s", async (_, body, message) => {
    const answer = await client.post(BULK, body, { "content-type": "application/json" });
    expect([answer.statusCode, answer.json().message]).toEqual([422, message]);
  });

  it("takes up to 16 MiB", async () => {
    const large = (count: number) => Array.from({ length: count }, () => aBody({ payload: "x".repeat(250_000) }));
    expect((await create(large(30))).statusCode).toBe(201);
    const answer = await create(large(70));
    expect(answer.json()).toMatchObject({ code: "PAYLOAD_TOO_LARGE", message: "the body is larger than 16 MiB" });
  });

  it("is for the account's own functions, calendars and names", async () => {
    const stranger = await api.newClient();
    await stranger.post("/automation/calendars", { name: "theirs", dates: ["2030-12-25"] });
    const theirs = await aJob(stranger, { name: "same name" });
    const answer = await create([
      aBody({ function_id: theirs.function_id }),
      aBody({ schedule: { type: "daily", time: "09:00", calendars: { exclude: ["theirs"] } } }),
    ]);
    expect(answer.json().details).toMatchObject([
      { path: "jobs.0.function_id", message: expect.stringMatching(/does not exist$/) },
      { path: expect.stringMatching(/^jobs\.1\.schedule/), code: "CALENDAR_UNKNOWN" },
    ]);
    const { jobs } = (await create([aBody({ name: "same name" })])).json();
    expect(await read(jobs[0].id)).toMatchObject({ account_id: client.accountId });
    expect((await stranger.get(`/automation/jobs/${jobs[0].id}`)).statusCode).toBe(404);
  });

  it("refuses payloads that a function does not take, on lines too", async () => {
    const module = { name: "forecast", description: "", check: false, timeoutMs: null };
    const inputSchema = { type: "object", required: ["city"] };
    await registerModules(api.db, [{ ...module, inputSchema }]);
    const listed: { id: string; name: string }[] = (await client.get("/automation/functions")).json();
    const forecast = { function_id: listed.find(({ name }) => name === "forecast")?.id };
    const wanted = [aBody({ ...forecast, payload: { city: "Ulm" } }), aBody(forecast)];
    const answer = await create(wanted);
    expect(answer.json()).toMatchObject({
      message: "jobs.1: required: payload.city",
      details: [{ path: "jobs.1.payload.city", code: "required" }],
    });
    expect(await countJobs()).toBe(0);
    const imported = (await sendLines(asLines(...wanted))).json();
    expect(imported).toMatchObject({ created: 1, errors: [{ line: 2, details: [{ path: "payload.city" }] }] });
  });

  it("sent again with the same key makes nothing more, and another body under it is refused", async () => {
    const wanted = [aBody(), aBody()];
    const key = { "idempotency-key": "once" };
    const [first, again] = await Promise.all([create(wanted, key), create(wanted, key)]);
    expect([first.statusCode, again.statusCode]).toEqual([201, 201]);
    expect(first.json()).toEqual(again.json());
    const replayed = [first, again].map(({ headers }) => headers["idempotency-replayed"] ?? "false");
    expect(replayed.sort()).toEqual(["false", "true"]);
    expect(await countJobs()).toBe(2);
    const other = await create([...wanted, aBody()], key);
    expect(other.json()).toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    // The key of a single job is another one.
    expect((await client.post("/automation/jobs", aBody(), key)).statusCode).toBe(201);
  });

  it("of two calls that want the same names, in different order, one gets all of them", async () => {
    const wanted = Array.from({ length: 3_000 }, () => aBody());
    const answers = await Promise.all([create(wanted), create(wanted.toReversed()), create(wanted)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409, 409]);
    expect(await countJobs()).toBe(3_000);
  });
});

describe("POST /automation/jobs:bulk with lines", () => {
  it("makes what can be made and says of the rest which line it was", async () => {
    await aJob(client, { name: "there" });
    const answer = await sendLines(
      `${asLines(aBody(), aBody({ schedule: "never" }))}\n   \r\n{"name":\r\n${asLines(aBody({ name: "there" }), aBody(), 7)}` +
        JSON.stringify(aBody()),
    );
    expect(answer.statusCode).toBe(207);
    expect(answer.json()).toEqual({
      lines: 7,
      created: 3,
      refused: 4,
      errors: [
        {
          line: 2,
          error: "validation error",
          code: "SCHEDULE_INVALID",
          message: expect.any(String),
          details: [expect.objectContaining({ path: "schedule" })],
        },
        {
          line: 5,
          error: "bad request",
          code: "MALFORMED_JSON",
          message: expect.stringMatching(/^body is not valid JSON/),
        },
        {
          line: 6,
          error: "conflict",
          code: "JOB_NAME_TAKEN",
          message: 'job with name "there" already exists',
          details: [{ path: "name", message: "is taken", code: "taken" }],
        },
        {
          line: 8,
          error: "validation error",
          code: "VALIDATION_ERROR",
          message: "body: must be an object",
          details: [expect.objectContaining({ path: "" })],
        },
      ],
      stopped: null,
    });
    expect(await countJobs()).toBe(4);
  });

  it("takes more than a batch, of any size of pieces, and tells each line by its number", async () => {
    const bodies = Array.from({ length: 2_500 }, (_, i) =>
      aBody(i % 1_000 === 999 ? { schedule: "never" } : { description: "é".repeat(i % 50) }),
    );
    const text = Buffer.from(asLines(...bodies));
    const pieces = new PassThrough();
    const answer = api.app.inject({
      method: "POST",
      url: BULK,
      headers: { authorization: `Bearer ${client.key}`, ...LINES },
      payload: pieces,
    });
    for (let start = 0; start < text.length; start += 997) pieces.write(text.subarray(start, start + 997));
    pieces.end();
    expect((await answer).json()).toMatchObject({
      lines: 2_500,
      created: 2_498,
      refused: 2,
      errors: [{ line: 1_000 }, { line: 2_000 }],
      stopped: null,
    });
    expect(await countJobs()).toBe(2_498);
  });

  it("sent again refuses what is there and makes nothing twice", async () => {
    const text = asLines(aBody(), aBody());
    expect((await sendLines(text)).json()).toMatchObject({ created: 2 });
    const again = (await sendLines(text + asLines(aBody()))).json();
    expect(again).toMatchObject({
      created: 1,
      refused: 2,
      errors: [{ code: "JOB_NAME_TAKEN" }, { code: "JOB_NAME_TAKEN" }],
    });
  });

  it("stops at a line that is too long, and what came before stays", async () => {
    const long = JSON.stringify(aBody({ description: "x".repeat(1024 * 1024) }));
    const answer = await sendLines(`${asLines(aBody())}\n${long}\n${asLines(aBody())}`);
    expect(answer.json()).toMatchObject({ lines: 1, created: 1, stopped: { line: 3, code: "PAYLOAD_TOO_LARGE" } });
    expect(await countJobs()).toBe(1);
  });

  it("stops after 50,000 lines", async () => {
    const answer = await sendLines("7\n".repeat(50_500));
    expect(answer.json()).toMatchObject({ lines: 50_000, created: 0, refused: 50_000, stopped: { line: 50_001 } });
    expect(answer.json().errors).toHaveLength(1_000);
  });

  it("answers on the connection of a body that it does not read to its end", async () => {
    const upload = await openRequest();
    upload.write(`${asLines(aBody())}${"x".repeat(2 * 1024 * 1024)}`);
    const [response] = (await once(upload, "response")) as [IncomingMessage];
    expect(await readJson(response)).toMatchObject({ created: 1, stopped: { line: 2, code: "PAYLOAD_TOO_LARGE" } });
    upload.end();
  });

  it("comes to an end when the client goes away", async () => {
    const upload = await openRequest();
    await new Promise((resolve) => upload.write(asLines(aBody(), aBody()), resolve));
    upload.destroy();
    await expect.poll(() => api.logged.filter((line) => line.includes("jobs imported")).length).toBeGreaterThan(0);
  });

  it("of nothing makes nothing", async () => {
    expect((await sendLines("\n\n")).json()).toEqual({ lines: 0, created: 0, refused: 0, errors: [], stopped: null });
  });

  it("says of every line of a batch that the database did not take that it was not made", async () => {
    await api.db.execute(sql`alter table job_changes add constraint broken check (false) not valid`);
    try {
      const answer = await sendLines(asLines(aBody(), 7, aBody()));
      expect(answer.json()).toMatchObject({
        created: 0,
        refused: 3,
        errors: [
          { line: 1, code: "INTERNAL", message: "something went wrong on our side" },
          { line: 2, code: "VALIDATION_ERROR" },
          { line: 3, code: "INTERNAL" },
        ],
      });
    } finally {
      await api.db.execute(sql`alter table job_changes drop constraint broken`);
    }
    expect(await countJobs()).toBe(0);
  });

  it("takes no Idempotency-Key, and belongs to no other route", async () => {
    const answer = await sendLines(asLines(aBody()), { "idempotency-key": "k" });
    expect([answer.statusCode, answer.json().code]).toEqual([400, "BAD_REQUEST"]);
    const single = await api.app.inject({
      method: "POST",
      url: "/automation/jobs",
      headers: { authorization: `Bearer ${client.key}`, ...LINES },
      payload: "{}\n",
    });
    expect([single.statusCode, single.json().code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect(await countJobs()).toBe(0);
  });
});

function sendJson(payload: string) {
  return api.app.inject({
    method: "POST",
    url: BULK,
    headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" },
    payload,
  });
}

/** A request on a connection of its own, whose body is still to be sent. */
async function openRequest(): Promise<ClientRequest> {
  if (!api.app.server.listening) await api.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = api.app.server.address() as AddressInfo;
  const headers = { authorization: `Bearer ${client.key}`, ...LINES };
  const sent = request({ port, host: "127.0.0.1", method: "POST", path: BULK, headers });
  sent.on("error", () => undefined);
  return sent;
}
