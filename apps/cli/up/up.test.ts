/** `belfry up` as people run it: a process, its children, and what it says. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { freePort } from "@belfry/local-postgres/free-port.ts";
import { isAlive } from "@belfry/local-postgres/process-info.ts";
import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

let database: TestDatabase;
let dataDir: string;
let started: ChildProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), "belfry-up-"));
  // As root we start a Postgres that runs as another user, who must get here.
  chmodSync(dataDir, 0o755);
});
afterEach(() => {
  // Killed, not stopped: this is for tests that failed half-way. What they started ends with them.
  for (const child of started) child.kill("SIGKILL");
  started = [];
});
afterAll(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

type Child = { pid: number; command: string };

/** The processes that a process has started. */
function childrenOf(parent: number): Child[] {
  return allProcesses().filter((child) => child.parent === parent);
}

function allProcesses(): (Child & { parent: number })[] {
  // Slim images have no ps, and macOS has no /proc.
  if (!existsSync("/proc/self/stat")) {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
    return lines.flatMap((line) => {
      const [, pid, parent, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
    });
  }
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [
        { pid, parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ") },
      ];
    } catch {
      return []; // It has ended while we looked.
    }
  });
}

async function up(env: Record<string, string>) {
  const port = await freePort();
  const child = spawn(process.execPath, [MAIN, "up"], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, BELFRY_DATA_DIR: dataDir, PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const errors = text(child.stderr);
  const exited = once(child, "exit");
  const said = (what: RegExp, timeout = 25_000) =>
    expect
      .poll(() => (child.exitCode === null ? lines.join("\n") : `ended with ${child.exitCode}`), {
        timeout,
        interval: 20,
      })
      .toMatch(what);
  const family = () => childrenOf(child.pid as number);
  return {
    pid: child.pid as number,
    base: `http://127.0.0.1:${port}`,
    lines,
    said,
    family,
    workers: () => family().filter(({ command }) => command.includes("worker/main.ts")),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** The key as the greeting shows it. */
    key: () => /API key\s+(\S+)/.exec(lines.join("\n"))?.[1] as string,
    async ended() {
      const [code, signal] = await exited;
      return { code, signal, errors: await errors };
    },
  };
}
type Up = Awaited<ReturnType<typeof up>>;

async function get<T>({ base, key }: Up, path: string): Promise<T> {
  const response = await fetch(base + path, { headers: { authorization: `Bearer ${key()}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

const namesOf = async (cluster: Up) =>
  (await get<{ name: string }[]>(cluster, "/automation/jobs")).map((job) => job.name).sort();

/** Resolves when none of these processes is left. */
const allGone = (family: Child[], timeout = 10_000) =>
  expect.poll(() => family.filter(({ pid }) => isAlive(pid)), { timeout, interval: 20 }).toEqual([]);

/** Ends it as Ctrl-C does, and sees that all of it ends. */
async function interrupt(cluster: Up): Promise<void> {
  const family = cluster.family();
  const from = performance.now();
  cluster.kill("SIGINT");
  expect(await cluster.ended()).toEqual({ code: 0, signal: null, errors: "" });
  expect(performance.now() - from).toBeLessThan(10_000);
  await allGone(family, 1_000);
  expect(cluster.lines.at(-1)).toBe("stopped");
}

describe("a cluster on one's own Postgres", () => {
  let key: string;

  it("greets, runs the examples, starts again what dies, and ends at Ctrl-C", { timeout: 60_000 }, async () => {
    const { url, prefix } = createTestRedis();
    const cluster = await up({ DATABASE_URL: database.url, REDIS_URL: url, BELFRY_QUEUE_PREFIX: prefix });
    await cluster.said(/Belfry is up\..*Queue on Redis, your Postgres/);
    await cluster.said(/Ctrl-C/);
    key = cluster.key();
    expect(key).toMatch(/^belfry_\S{32}$/);
    expect(cluster.lines.join("\n")).toContain(
      `curl -s ${cluster.base}/automation/jobs -H "Authorization: Bearer $KEY"`,
    );
    expect(await namesOf(cluster)).toEqual(["example-http", "example-module"]);
    expect(cluster.family()).toHaveLength(5);

    const [victim] = cluster.workers() as [Child];
    process.kill(victim.pid, "SIGKILL");
    await cluster.said(/^worker-[12] died \(SIGKILL\), starting it again$/m);
    await expect
      .poll(() => cluster.workers().filter(({ pid }) => pid !== victim.pid).length, { timeout: 10_000 })
      .toBe(2);

    await cluster.said(/✔ example-(?:http|module) {2}success {2}check [\d.]+ ms, perform [\d.]+ ms, on worker-[12]/);
    const [execution] = await get<{ check: object; perform: object }[]>(
      cluster,
      "/automation/executions?status=success&limit=1",
    );
    expect(execution).toMatchObject({ check: { error: null }, perform: { error: null } });
    await interrupt(cluster);
  });

  it("keeps its key and its jobs; without Redis the queue is in Postgres", { timeout: 60_000 }, async () => {
    const cluster = await up({ DATABASE_URL: database.url });
    await cluster.said(/Queue on Postgres, your Postgres[\s\S]*Ctrl-C/);
    expect(cluster.key()).toBe(key);
    expect(await namesOf(cluster)).toEqual(["example-http", "example-module"]);
    await cluster.said(/✔ example-/);

    // Nobody is left to stop the others: they end by themselves.
    const family = cluster.family();
    expect(family).toHaveLength(5);
    cluster.kill("SIGKILL");
    await allGone(family);
  });

  it("takes the key that it is given", { timeout: 60_000 }, async () => {
    const given = "a-key-of-my-own-with-32-characters-or-more";
    const cluster = await up({ DATABASE_URL: database.url, BELFRY_BOOTSTRAP_API_KEY: given });
    await cluster.said(/Ctrl-C/);
    expect(cluster.key()).toBe(given);
    // Another account than that of the kept key, with examples of its own.
    expect(await namesOf(cluster)).toEqual(["example-http", "example-module"]);
    await interrupt(cluster);
  });

  it("may be interrupted while it starts", { timeout: 60_000 }, async () => {
    const cluster = await up({ DATABASE_URL: database.url });
    await cluster.said(/starting API/);
    await expect.poll(() => cluster.family().length, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(2);
    await interrupt(cluster);
  });
});

describe("a cluster on a machine that has nothing", () => {
  it("brings its own Postgres, whose data the next start finds again", { timeout: 90_000 }, async () => {
    const first = await up({});
    await first.said(/Belfry is up\..*Queue on Postgres, data in /);
    await first.said(/Ctrl-C/);
    const { base, key } = first;
    const [job] = await get<{ id: string }[]>(first, "/automation/jobs?name=example-http");
    await fetch(`${base}/automation/jobs/${job?.id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${key()}` },
    });
    await interrupt(first);

    const second = await up({});
    await second.said(/Ctrl-C/);
    expect(second.key()).toBe(key());
    expect(await get<object[]>(second, `/automation/jobs?name=example-module`)).toHaveLength(1);
    await interrupt(second);
  });
});

describe("a cluster that cannot start says why, in one line", () => {
  async function failure(env: Record<string, string>): Promise<string> {
    const cluster = await up(env);
    const { code, errors } = await cluster.ended();
    expect(code).toBe(1);
    expect(errors).toMatch(/^belfry: [^\n]+\n$/);
    expect(childrenOf(cluster.pid)).toEqual([]);
    return errors;
  }

  it("when its port is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await failure({ DATABASE_URL: database.url, PORT: String(port) })).toBe(
      `belfry: port ${port} is in use, set PORT to another one\n`,
    );
    server.close();
  });

  it("when a setting is wrong, without repeating it", async () => {
    const errors = await failure({
      DATABASE_URL: "mysql://me:hunter2@host/db",
      PORT: "none",
      BELFRY_BOOTSTRAP_API_KEY: "hunter2",
    });
    for (const name of ["DATABASE_URL: must", "PORT: must", "BELFRY_BOOTSTRAP_API_KEY: must"])
      expect(errors).toContain(name);
    expect(errors).not.toContain("hunter2");
  });

  it("when Postgres cannot be reached, or has no such database", async () => {
    const [closed, unknown] = await Promise.all([
      failure({ DATABASE_URL: "postgres://me:hunter2@127.0.0.1:1/db" }),
      failure({ DATABASE_URL: database.url.replace(/\/[^/]+$/, "/nowhere") }),
    ]);
    expect(closed).toBe("belfry: DATABASE_URL: cannot reach Postgres: connect ECONNREFUSED 127.0.0.1:1\n");
    expect(unknown).toBe('belfry: DATABASE_URL: cannot reach Postgres: database "nowhere" does not exist\n');
  });

  it("when Redis cannot be reached", async () => {
    const errors = await failure({ DATABASE_URL: database.url, REDIS_URL: "redis://:hunter2@127.0.0.1:1" });
    expect(errors).toBe("belfry: REDIS_URL: cannot reach Redis: connect ECONNREFUSED 127.0.0.1:1\n");
  });

  it("when a function does not load", async () => {
    const errors = await failure({ DATABASE_URL: database.url, BELFRY_FUNCTIONS_DIR: join(dataDir, "missing") });
    expect(errors).toContain("there is no such folder");
  });
});
