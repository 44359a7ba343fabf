import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { type LocalPostgres, startLocalPostgres } from "@belfry/local-postgres/start.ts";
import { assertQueue } from "@belfry/queue/assert-queue.ts";
import { queueBackend } from "@belfry/queue/backend.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { commonEnv, parseEnv, text, wholeNumber } from "@belfry/service/env.ts";
import { failureLine } from "@belfry/service/failure-line.ts";
import { migrateAll } from "../migrate.ts";
import { ensureExamples } from "./examples.ts";
import { greeting } from "./greeting.ts";
import { bootstrapKey, DATA_DIR } from "./local-state.ts";
import { narrate } from "./narrate.ts";
import { type Supervised, supervise } from "./supervisor.ts";

const app = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Stopping takes ten seconds at most: the workers' grace, then the others', then Postgres'. */
const DRAIN_MS = 4_000;
const STOP_MS = 1_500;
const POSTGRES_STOP_MS = 2_000;
const PARENT_WATCH_MS = 1_000;
/** A start that is called off comes to its end within this time: what starts is told, and a first initdb takes this long. */
const START_ENDS_MS = 5_000;

/** What is running, the first started first. */
type Cluster = { processes: Supervised[][]; postgres: LocalPostgres | null };

/**
 * `belfry up`: a whole cluster on this machine, until Ctrl-C. Anything that keeps it from starting is one line on
 * standard error and exit code 1.
 */
export async function up(): Promise<void> {
  const cluster: Cluster = { processes: [], postgres: null };
  const stopping = new AbortController();
  let starting = Promise.resolve();
  const end = (code: number): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    void stop(cluster, starting).finally(() => process.exit(code));
  };
  process.on("SIGINT", () => end(0));
  process.on("SIGTERM", () => end(0));
  endWithParent(() => end(0));
  try {
    starting = start(cluster, stopping.signal, end);
    await starting;
  } catch (error) {
    if (stopping.signal.aborted) return;
    process.stderr.write(`belfry: ${failureLine(error)}\n`);
    end(1);
  }
}

/** Starts everything. Throws, with what runs by then in `cluster`, when something does not start or `stopping` is aborted. */
async function start(cluster: Cluster, stopping: AbortSignal, end: (code: number) => void): Promise<void> {
  const env = parseEnv({
    DATABASE_URL: commonEnv.DATABASE_URL.optional(),
    REDIS_URL: commonEnv.REDIS_URL,
    PORT: wholeNumber(1, 65_535).default(8080),
    HOST: text.default("127.0.0.1"),
    BELFRY_DATA_DIR: text.default(DATA_DIR),
    BELFRY_BOOTSTRAP_API_KEY: text.min(32, "must have at least 32 characters").optional(),
    BELFRY_FUNCTIONS_DIR: text.default(app("cli/examples/functions")),
    BELFRY_RELOAD: text.default("true"),
    // This machine is the one that tries things out: the example is served on it, and so is what people write first.
    BELFRY_HTTP_ALLOW: text.default("127.0.0.0/8, [::1]"),
  });
  await assertPortFree(env.PORT, env.HOST);
  const key = await bootstrapKey(env.BELFRY_DATA_DIR, env.BELFRY_BOOTSTRAP_API_KEY);

  if (env.DATABASE_URL === undefined) {
    say("starting Postgres …");
    cluster.postgres = await startLocalPostgres({ dataDir: `${env.BELFRY_DATA_DIR}/postgres` });
    void cluster.postgres.exited.then(() => {
      if (stopping.aborted) return;
      process.stderr.write("belfry: Postgres has ended\n");
      end(1);
    });
  }
  const databaseUrl = env.DATABASE_URL ?? (cluster.postgres as LocalPostgres).url;
  stopping.throwIfAborted();
  await migrateAll(databaseUrl);
  await assertQueue(queueBackend({ redisUrl: env.REDIS_URL, databaseUrl, prefix: "belfry" }));

  const common = {
    DATABASE_URL: databaseUrl,
    ...(env.REDIS_URL && { REDIS_URL: env.REDIS_URL }),
    BELFRY_DRAIN_MS: String(DRAIN_MS),
    // One port cannot be everybody's; the supervisor needs none.
    BELFRY_HEALTH_PORT: "",
  };
  const run = (name: string, file: string, more: Record<string, string> = {}): Promise<Supervised> =>
    supervise({
      name,
      file: app(file),
      env: { ...common, ...more },
      onLine(process, line) {
        const told = narrate(process, line);
        if (told !== null && !stopping.aborted) say(told);
      },
      onRestart: (process, how) => say(`${process} died (${how}), starting it again`),
      signal: stopping,
    });
  const together = async (...starts: Promise<Supervised>[]): Promise<Supervised[]> => {
    // Those that did start are kept for stopping, even when another one did not.
    const results = await Promise.allSettled(starts);
    const started = results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
    cluster.processes.push(started);
    for (const result of results) if (result.status === "rejected") throw result.reason;
    stopping.throwIfAborted();
    return started;
  };

  stopping.throwIfAborted();
  say("starting API, scheduler and workers …");
  const apiEnv = { PORT: String(env.PORT), HOST: env.HOST, BELFRY_BOOTSTRAP_API_KEY: key };
  const [example] = await together(run("example", "cli/examples/server.ts"), run("api", "api/main.ts", apiEnv));
  await together(run("scheduler", "scheduler/main.ts"));
  const base = `http://${env.HOST === "0.0.0.0" ? "127.0.0.1" : env.HOST}:${env.PORT}`;
  const { BELFRY_FUNCTIONS_DIR, BELFRY_RELOAD, BELFRY_HTTP_ALLOW } = env;
  const BELFRY_PUBLIC_URL = process.env.BELFRY_PUBLIC_URL || base;
  const workerEnv = { BELFRY_FUNCTIONS_DIR, BELFRY_RELOAD, BELFRY_HTTP_ALLOW, BELFRY_PUBLIC_URL };
  await together(run("worker-1", "worker/main.ts", workerEnv), run("worker-2", "worker/main.ts", workerEnv));

  await ensureExamples(base, key, `http://127.0.0.1:${example?.hello.port}/`);
  say(
    greeting({
      base,
      key,
      queue: env.REDIS_URL ? "Queue on Redis" : "Queue on Postgres",
      database: cluster.postgres ? `data in ${cluster.postgres.dataDir}` : "your Postgres",
    }),
  );
}

/** Whoever started this with npm and kills npm means all of it; npm, or the shell between, does not always pass it on. */
function endWithParent(end: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, PARENT_WATCH_MS).unref();
}

/** In reverse order: whoever makes work stops after whoever does it, and Postgres last. */
async function stop(cluster: Cluster, starting: Promise<void>): Promise<void> {
  say("\nstopping …");
  // What is just being started belongs to what is to be stopped.
  await withDeadline("starting", START_ENDS_MS, starting).catch(() => undefined);
  const { processes, postgres } = cluster;
  const [workers = [], ...others] = processes.toReversed();
  await Promise.all(workers.map((worker) => worker.stop(DRAIN_MS + 500)));
  for (const group of others) await Promise.all(group.map((process) => process.stop(STOP_MS)));
  await postgres?.stop(POSTGRES_STOP_MS);
  say("stopped");
}

async function assertPortFree(port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer()
      .once("error", (error: NodeJS.ErrnoException) => {
        reject(error.code === "EADDRINUSE" ? new Error(`port ${port} is in use, set PORT to another one`) : error);
      })
      .listen(port, host, () => probe.close(() => resolve()));
  });
}
