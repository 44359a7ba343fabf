import { randomBytes } from "node:crypto";
import type { Role } from "@belfry/contract/states.ts";
import { createAccount } from "@belfry/db/accounts.ts";
import { type Db, openDatabase } from "@belfry/db/client.ts";
import { createTestDatabase } from "@belfry/testing/database.ts";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import { jobAnswer } from "./answers.ts";
import { buildApp } from "./build-app.ts";

export type Answer = LightMyRequestResponse;
type Method = NonNullable<InjectOptions["method"]>;

/** Somebody with a key. */
export type Client = {
  accountId: string;
  key: string;
  get(url: string): Promise<Answer>;
  post(url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  patch(url: string, body: unknown): Promise<Answer>;
  delete(url: string): Promise<Answer>;
};

export type TestApi = {
  app: FastifyInstance;
  db: Db;
  url: string;
  /** The lines that were logged, as they would be printed. */
  logged: string[];
  newClient(role?: Role): Promise<Client>;
  close(): Promise<void>;
};

/** The API on a database of its own. */
export async function startTestApi(
  options: { board?: (app: FastifyInstance) => Promise<void> } = {},
): Promise<TestApi> {
  const database = await createTestDatabase();
  const { db, close } = openDatabase({ url: database.url, applicationName: "api test", onError: () => undefined });
  const logged: string[] = [];
  const log = pino({ level: "debug" }, { write: (line) => void logged.push(line) });
  const app = await buildApp({ db, databaseUrl: database.url, log, ...options });
  return {
    app,
    db,
    url: database.url,
    logged,
    newClient: (role = "member") => newClient(app, db, role),
    async close() {
      await app.close();
      await close();
      await database.drop();
    },
  };
}

let accounts = 0;

async function newClient(app: FastifyInstance, db: Db, role: Role): Promise<Client> {
  const key = randomBytes(24).toString("base64url");
  const { accountId } = await createAccount(db, { name: `account ${++accounts}`, key, role });
  const send = async (method: Method, url: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    assertAsDocumented(url, answer);
    return answer;
  };
  return {
    accountId,
    key,
    get: (url) => send("GET", url),
    post: (url, body, headers) => send("POST", url, body, headers),
    patch: (url, body) => send("PATCH", url, body),
    delete: (url) => send("DELETE", url),
  };
}

/** Jobs are answered as they were built, so it is here that they are compared with what the documentation says of them. */
function assertAsDocumented(url: string, answer: Answer): void {
  if (!JOBS.test(url) || answer.statusCode > 201) return;
  const told: unknown = answer.json();
  for (const job of Array.isArray(told) ? told : [told]) documentedJob.parse(job);
}

const JOBS = /^\/automation\/jobs(\/[^/?]+)?(\?|$)/;
const documentedJob = jobAnswer.strict();

let names = 0;

/** A function to be called by jobs; returns its id. */
export async function aFunction(client: Client, fields: Record<string, unknown> = {}): Promise<string> {
  const body = { name: `function ${++names}`, kind: "http", url: "http://127.0.0.1:9/hook", ...fields };
  const answer = await client.post("/automation/functions", body);
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return answer.json().id;
}

/** The body of a job that can be created. */
export async function jobBody(client: Client, fields: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  return { function_id: await aFunction(client), name: `job ${++names}`, schedule: "0 9 * * *", ...fields };
}

export async function aJob(
  client: Client,
  fields: Record<string, unknown> = {},
): Promise<{ id: string } & Record<string, unknown>> {
  const answer = await client.post("/automation/jobs", await jobBody(client, fields));
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return answer.json();
}

/** One manual run of a new job; returns the execution. */
export async function anExecution(client: Client): Promise<{ id: string; job_id: string }> {
  const job = await aJob(client);
  return (await client.post(`/automation/jobs/${job.id}/run`)).json();
}
