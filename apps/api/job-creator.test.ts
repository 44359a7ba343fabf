import { createJobBody } from "@belfry/contract/job.ts";
import { openDatabase } from "@belfry/db/client.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createJobCreator } from "./job-creator.ts";
import { aFunction, type Client, startTestApi, type TestApi } from "./test-api.ts";

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

const create = (fields: Record<string, unknown> = {}, by: Client = client) =>
  by.post("/automation/jobs", { function_id: functionId, name: "a job", schedule: "0 9 * * *", ...fields });

/** In how many transactions the jobs of an account were written. */
async function transactions(accountId: string): Promise<number> {
  const { rows } = await api.db.execute<{ n: number }>(
    sql`select count(distinct xmin::text)::int as n from jobs where account_id = ${accountId}`,
  );
  return rows[0]?.n ?? Number.NaN;
}

async function waitingForLocks(): Promise<number> {
  const { rows } = await api.db.execute<{ n: number }>(sql`
    select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
  return rows[0]?.n ?? Number.NaN;
}

describe("jobs that are created at once", () => {
  it("are written together, each as if it came alone", async () => {
    const names = Array.from({ length: 30 }, (_, n) => `job ${n}`);
    const answers = await Promise.all(names.map((name, n) => create({ name, payload: { n } })));
    expect(answers.map((answer) => answer.statusCode)).toEqual(names.map(() => 201));
    expect(await transactions(client.accountId)).toBeLessThan(names.length / 2);
    for (const [n, answer] of answers.entries()) {
      const job = answer.json();
      expect(job).toMatchObject({ name: `job ${n}`, payload: { n }, warnings: [{ code: "NO_WORKER" }] });
      expect((await client.get(`/automation/jobs/${job.id}`)).json()).toEqual(job);
      expect(answer.headers.location).toBe(`/automation/jobs/${job.id}`);
    }
  });

  it("are refused one by one", async () => {
    const wrong = [
      { name: "never", schedule: "0 0 30 2 *" },
      { name: "nobody's", function_id: "nobody's" },
      { name: "twice" },
      { name: "twice" },
      { name: "twice", project: "another" },
      { name: "right" },
    ];
    const answers = await Promise.all(wrong.map((fields) => create(fields)));
    expect(answers.map((answer) => answer.json().code ?? answer.json().name)).toEqual([
      "SCHEDULE_INVALID",
      "VALIDATION_ERROR",
      "twice",
      "JOB_NAME_TAKEN",
      "twice",
      "right",
    ]);
    expect(answers[3]?.json().message).toBe('job with name "twice" already exists');
  });

  it("do not wait for what another account's wait for, and not for a function that is deleted meanwhile", async () => {
    const other = await api.newClient();
    const theirs = { function_id: await aFunction(other), name: "theirs" };
    const held = await inTransaction(api.db, async (tx) => {
      await tx.execute(sql`update functions set deleted_at = now() where id = ${functionId}`);
      const creating = create();
      await expect.poll(waitingForLocks).toBe(1);
      expect((await create(theirs, other)).statusCode).toBe(201);
      return { creating };
    });
    const answer = await held.creating;
    expect(answer.json()).toMatchObject({ code: "VALIDATION_ERROR", details: [{ path: "function_id" }] });
  });

  it("are written all the same when one of them is in somebody's way", async () => {
    const { db, close } = openDatabase({
      url: api.url,
      applicationName: "impatient",
      onError: () => {},
      deadlineMs: 1_000,
    });
    const createJob = createJobCreator(db);
    const make = (function_id: string, name: string) =>
      createJob(client.accountId, createJobBody.parse({ function_id, name, schedule: "@daily" }), null);
    const locked = await aFunction(client);
    await inTransaction(api.db, async (tx) => {
      await tx.execute(sql`select from functions where id = ${locked} for update`);
      const outcomes = await Promise.allSettled([
        make(functionId, "one"),
        make(locked, "two"),
        make(functionId, "three"),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    });
    const names = (await client.get("/automation/jobs")).json().map(({ name }: { name: string }) => name);
    expect(names.sort()).toEqual(["one", "three"]);
    await close();
  });
});
