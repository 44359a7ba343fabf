/** One handler, three kinds of function: what is told to it, and what is recorded of it, is the same. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import type { Client, ExecutionWithAttempts } from "@belfry/client/api.ts";
import { createClient } from "@belfry/client/create-client.ts";
import { serveNode } from "@belfry/functions/node.ts";
import { type AuthorFolder, makeAuthorFolder } from "@belfry/testing/author-folder.ts";
import { type RunningCluster, runCluster } from "@belfry/testing/run-cluster.ts";
import { afterAll, beforeAll, expect, it } from "vitest";

/** Both phases in one function that knows nothing of where it runs. */
const HANDLER = `
const isDue = async ({ readings, limit }) => readings.some((reading) => reading > limit);
const sendAlarm = async (event) => console.info("alarm since", event.reason);

export async function handler(event) {
  const { phase, automation_job } = event;

  if (phase === "check") {
    const shouldPerform = await isDue(event.belfry.payload);
    return { shouldPerform, performPayload: { timestamp: Date.now(), reason: "a reading is over the limit" } };
  }
  if (phase === "perform") {
    await sendAlarm(event);
    return { success: true, job: automation_job, since: event.timestamp };
  }
}
`;

let folder: AuthorFolder;
let cluster: RunningCluster;
let client: Client;
let server: Server | undefined;
const functionIds: Record<string, string> = {};

beforeAll(async () => {
  folder = await makeAuthorFolder();
  const handlerFile = await folder.write("functions/alarm.js", HANDLER);
  cluster = await runCluster({ functionsDir: `${folder.dir}/functions` });
  client = createClient({ baseUrl: cluster.url, apiKey: cluster.key });

  const all = await client.listFunctions();
  functionIds.module = all.find(({ module }) => module === "alarm")?.id as string;
  const sandbox = await client.createFunction({
    body: { kind: "sandbox", name: "alarm in a sandbox", source: HANDLER },
  });
  functionIds.sandbox = sandbox.id;
  const { handler } = await import(pathToFileURL(handlerFile).href);
  functionIds.http = await serveOverHttp(handler);
}, 120_000);
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await cluster?.close();
  await folder?.remove();
});

/** The secret is known when the function is, and its address when it is served: so it is served in between. */
async function serveOverHttp(handler: Parameters<typeof serveNode>[0]): Promise<string> {
  let serve: ReturnType<typeof serveNode>;
  server = createServer((request, response) => serve(request, response));
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alarm`;
  const { id, signing_secret } = await client.createFunction({ body: { kind: "http", name: "alarm over HTTP", url } });
  serve = serveNode(handler, { secret: signing_secret });
  return id;
}

/** A run of each kind with the same payload, when all have ended. */
async function runAll(payload: object): Promise<ExecutionWithAttempts[]> {
  return Promise.all(
    Object.entries(functionIds).map(async ([kind, function_id]) => {
      const name = `${kind} ${JSON.stringify(payload)}`;
      const job = await client.createJob({ body: { function_id, name, schedule: "0 0 1 1 *", payload } });
      const { id } = await client.runJob({ id: job.id });
      const read = () => client.getExecution({ id });
      await expect.poll(async () => (await read()).completed_at, { timeout: 20_000, interval: 50 }).not.toBeNull();
      return read();
    }),
  );
}

/** What is recorded of an execution, with what differs from run to run by nature replaced by its name. */
function recorded({ id, job_id, scheduled_for, status, skip_reason, error, check, perform }: ExecutionWithAttempts) {
  const timestamp = JSON.stringify(check?.output).match(/"timestamp":(\d+)/)?.[1] as string;
  const phase = (record: typeof check) => record && { input: record.input, output: record.output, error: record.error };
  const text = JSON.stringify({ status, skip_reason, error, check: phase(check), perform: phase(perform) })
    .replaceAll(timestamp, '"its timestamp"')
    .replaceAll(id, "its id")
    .replaceAll(job_id, "its job")
    .replaceAll(new Date(scheduled_for).toISOString(), "its instant");
  return JSON.parse(text, (key, value) => (key === "callback" ? undefined : value));
}

const belfry = (payload: object) => ({
  execution_id: "its id",
  attempt: 1,
  scheduled_for: "its instant",
  trigger: "manual",
  payload,
});

it("performs what its check says, in each kind", async () => {
  const payload = { readings: [18, 24], limit: 20 };
  const performPayload = { timestamp: "its timestamp", reason: "a reading is over the limit" };
  const executions = await runAll(payload);

  const expected = {
    status: "success",
    skip_reason: null,
    error: null,
    check: {
      input: { automation_job: "its job", phase: "check", belfry: belfry(payload) },
      output: { shouldPerform: true, performPayload },
      error: null,
    },
    perform: {
      input: { automation_job: "its job", phase: "perform", ...performPayload, belfry: belfry(payload) },
      output: { success: true, job: "its job", since: "its timestamp" },
      error: null,
    },
  };
  expect(executions.map(recorded)).toEqual([expected, expected, expected]);
});

it("is skipped when its check declines, in each kind", async () => {
  const payload = { readings: [18, 19], limit: 20 };
  const executions = await runAll(payload);

  const expected = expect.objectContaining({ status: "skipped", skip_reason: "check_declined", perform: null });
  expect(executions.map(recorded)).toEqual([expected, expected, expected]);
  expect(recorded(executions[0] as ExecutionWithAttempts)).toEqual(recorded(executions[1] as ExecutionWithAttempts));
  expect(recorded(executions[0] as ExecutionWithAttempts)).toEqual(recorded(executions[2] as ExecutionWithAttempts));
});
