import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Load, measureRequests } from "@belfry/bench-peers/load.ts";
import { onServer } from "@belfry/testing/postgres-admin.ts";
import type { BenchCase } from "./case.ts";
import { startChild } from "./child.ts";
import { openGround } from "./cluster.ts";
import { samplesOf } from "./measurements.ts";
import { ask, startApi } from "./start-api.ts";
import { figure } from "./table.ts";

const NAME = "api";
const BARE = "bare Fastify and pg";
const CONNECTIONS = 20;
const WARM_UP_SECONDS = 1;
/** Different jobs that are read. */
const READ = 50;
const BARE_SERVER = fileURLToPath(import.meta.resolve("@belfry/bench-peers/fastify-pg.ts"));

type Target = { subject: string; url: string; headers: Record<string, string>; path: string; ids: string[] };
type Question = Pick<Load, "method" | "path" | "body"> & { at: string };

/** Creates, reads and lists a second, beside bare Fastify and pg doing the same insert and selects on the same database. */
export const api: BenchCase = async ({ servers, options, all, note }) => {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const ground = await openGround(servers, "redis", scope);
  const belfry = await startApi(ground, scope);
  const target = { name: "target", kind: "http", url: "http://127.0.0.1:9/" };
  const fn = await ask<{ id: string }>(belfry, "/automation/functions", target);
  const job = (name: string) => ({ name, function_id: fn.id, schedule: "0 9 * * *", payload: { customer: 7 } });
  // A list has something to list, and bare Fastify takes the account from a job.
  const jobs = Array.from({ length: 1_000 }, (_, i) => job(`first ${i}`));
  const made = await ask<{ jobs: { id: string }[] }>(belfry, "/automation/jobs:bulk", { jobs });

  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));
  const env = { ...process.env, BENCH_DATABASE_URL: ground.databaseUrl };
  const bare = startChild(BARE_SERVER, { env, logFile: join(logs, "bare.log") });
  scope.defer(bare.stop);
  const { port } = (await bare.ready) as { port: number };
  const bareUrl = { url: `http://127.0.0.1:${port}`, headers: {} };
  const bareIds: string[] = [];
  for (let i = 0; i < READ; i++) bareIds.push((await ask<{ id: string }>(bareUrl, "/jobs", job(`first ${i}`))).id);

  const targets: Target[] = [
    { subject: BARE, ...bareUrl, path: "/jobs", ids: bareIds },
    { subject: "belfry", ...belfry, path: "/automation/jobs", ids: made.jobs.slice(0, READ).map(({ id }) => id) },
  ];
  const questions: Record<string, (target: Target) => Question> = {
    creates: ({ path, subject }) => {
      const body = () => JSON.stringify(job(`job ${counted(subject)}`));
      return { method: "POST", at: path, body };
    },
    reads: ({ path, ids }) => ({ method: "GET", at: path, path: (n) => `${path}/${ids[n % READ]}` }),
    lists: ({ path }) => ({ method: "GET", at: path }),
  };
  const samples = [];
  // Names go on where the warm-up ended.
  const sent = new Map<string, number>();
  for (const [metric, questionOf] of Object.entries(questions)) {
    // As autovacuum does within a minute: until then plans are made for tables that were nearly empty.
    await onServer(ground.databaseUrl, (client) => client.query("analyze"));
    for (const asked of targets) {
      const { at, ...question } = questionOf(asked);
      const { headers } = asked;
      const load = (seconds: number): Load => ({
        ...{ url: asked.url + at, headers, connections: CONNECTIONS, seconds },
        ...question,
      });
      await measureRequests(load(WARM_UP_SECONDS));
      const perSecond = await measureRequests(load(options.apiSeconds));
      note(`${NAME}, ${asked.subject}: ${figure(perSecond)} ${metric}/s`);
      samples.push(
        ...samplesOf(NAME, asked.subject)(metric, "1/s", perSecond, ...(asked.subject === BARE ? [] : [BARE])),
      );
    }
  }
  return samples;

  function counted(subject: string): number {
    const n = (sent.get(subject) ?? 0) + 1;
    sent.set(subject, n);
    return n;
  }
};
