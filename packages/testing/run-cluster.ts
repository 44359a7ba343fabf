import { vi } from "vitest";
import { createTestDatabase } from "./database.ts";
import { type AppProcess, startApp } from "./processes.ts";

/** A whole cluster as processes of their own: the API, a scheduler and a worker, on a database that has nothing else. */
export type RunningCluster = {
  /** Of the API. */
  url: string;
  /** An admin's. */
  key: string;
  /** What the worker has written so far. */
  workerLog: AppProcess["log"];
  /** Ends it, and drops the database. */
  close: () => Promise<void>;
};

const KEY = "the key of the first account of a test";

/** `functionsDir`: the folder of module functions. Functions of kind http may be on loopback. */
export async function runCluster({ functionsDir }: { functionsDir: string }): Promise<RunningCluster> {
  const database = await createTestDatabase();
  const env = { DATABASE_URL: database.url, LOG_LEVEL: "info" };
  const api = await startApp("api", { ...env, PORT: "0", HOST: "127.0.0.1", BELFRY_BOOTSTRAP_API_KEY: KEY });
  // That it is ready comes by another way than its lines do.
  const url = await vi.waitFor(() => addressOf(api), { timeout: 5_000 });
  const workerEnv = {
    ...env,
    BELFRY_FUNCTIONS_DIR: functionsDir,
    BELFRY_HTTP_ALLOW: "127.0.0.1",
    BELFRY_PUBLIC_URL: url,
  };
  const others = await Promise.all([startApp("scheduler", env), startApp("worker", workerEnv)]);
  return {
    url,
    key: KEY,
    workerLog: others[1].log,
    async close() {
      await Promise.all([api, ...others].map((process) => process.kill("SIGKILL")));
      await database.drop();
    },
  };
}

function addressOf({ log }: AppProcess): string {
  const lines = log.map(({ msg }) => /listening at (http:\S+)/.exec(String(msg))?.[1]);
  const url = lines.find((found) => found !== undefined);
  if (url === undefined) throw new Error("the API does not say where it listens");
  return url;
}
