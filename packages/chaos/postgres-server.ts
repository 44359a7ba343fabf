import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LocalPostgres, startLocalPostgres } from "@belfry/local-postgres/start.ts";
import pg from "pg";
import { fixedPort } from "./fixed-port.ts";

/** A Postgres of our own, as durable as one in use, that can be ended in every way and comes back on its port. */
export type PostgresServer = {
  url: string;
  port: number;
  /** Ends the server as an operator does: `fast` closes connections and ends cleanly, `immediate` just ends. */
  end(how: "fast" | "immediate"): Promise<void>;
  start(): Promise<void>;
  /** Signals one of the processes that serve the cluster; returns its pid, or null if there is none. */
  signalBackend(index: number, signal: NodeJS.Signals): Promise<number | null>;
  /** Throws everybody out and takes every connection there is. Answers a function that gives them back. */
  exhaust(): Promise<() => Promise<void>>;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** The lines of its log that tell of a process of its own that has crashed, which none of the faults brings about. */
  crashes(): readonly string[];
  stop(): Promise<void>;
};

const SETTINGS = { fsync: "on", synchronous_commit: "on", full_page_writes: "on", max_connections: "160" };

/** By a signal that nobody sends: a segmentation fault, a failed assertion, a bad address. */
const CRASH = /was terminated by signal (?:4|6|7|8|11)\b/;

/** What the server has to say goes to `logFile`. */
export async function startPostgresServer(dataDir: string, logFile: string): Promise<PostgresServer> {
  const port = await fixedPort();
  const crashes: string[] = [];
  const log = (line: string): void => {
    appendFileSync(logFile, `${line}\n`);
    if (CRASH.test(line)) crashes.push(line);
  };
  let server: LocalPostgres;
  const start = async (): Promise<void> => {
    server = await startLocalPostgres({ dataDir, port, settings: SETTINGS, log });
  };
  await start();
  const url = (): string => server.url;

  async function query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
    const client = await open(url());
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  return {
    get url() {
      return url();
    },
    port,
    start,
    query,
    crashes: () => crashes,
    async end(how) {
      const pid = Number(readFileSync(join(server.dataDir, "postmaster.pid"), "utf8").split("\n")[0]);
      process.kill(pid, how === "fast" ? "SIGINT" : "SIGQUIT");
      await server.exited;
    },
    async signalBackend(index, signal) {
      const rows = await query<{ pid: number }>(
        "select pid from pg_stat_activity where application_name like 'belfry%' order by state = 'active' desc, pid",
      );
      const pid = rows[index % rows.length]?.pid;
      if (pid === undefined) return null;
      process.kill(pid, signal);
      return pid;
    },
    async exhaust() {
      const clients: pg.Client[] = [];
      await query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'belfry%'");
      const wanted = Number(SETTINGS.max_connections);
      await Promise.all(
        Array.from({ length: wanted }, async () => {
          const client = await open(url()).catch(() => null);
          if (client) clients.push(client);
        }),
      );
      return async () => void (await Promise.all(clients.map((client) => client.end().catch(() => undefined))));
    },
    stop: () => server.stop(5_000),
  };
}

async function open(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: "chaos",
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
