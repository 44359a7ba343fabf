import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findBinaries } from "./binaries.ts";
import { freePort } from "./free-port.ts";
import { type LocalPostgres, startLocalPostgres } from "./start.ts";
import { chooseSystemUser, runAs } from "./system-user.ts";

const settings = { fsync: "off" };
let folder: string;
let dataDir: string;
let running: LocalPostgres[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "belfry-local-postgres-"));
  // When root runs the tests, the server runs as another user, who must get here.
  chmodSync(folder, 0o755);
  dataDir = join(folder, "state", "postgres");
  running = [];
});

afterEach(async () => {
  for (const server of running) await server.stop(5_000);
  rmSync(folder, { recursive: true, force: true });
});

async function start(port?: number): Promise<LocalPostgres> {
  const server = await startLocalPostgres({ dataDir, settings, ...(port === undefined ? {} : { port }) });
  running.push(server);
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

describe("a local PostgreSQL", () => {
  it("keeps its data and its password from one start to the next", async () => {
    const first = await start();
    await query(first.url, "CREATE TABLE kept AS SELECT 'ünïcode' AS word");
    await first.stop(5_000);
    await first.exited;

    const second = await start();
    expect(await query(second.url, "SELECT upper(word) AS word FROM kept")).toEqual({ word: "ÜNÏCODE" });
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
    expect(statSync(`${dataDir}.password`).mode & 0o777).toBe(0o600);
  });

  it("speaks UTC and UTF-8, holds to the settings, and listens on the loopback address only", async () => {
    const { url } = await start();
    expect(
      await query(
        url,
        `SELECT current_setting('timezone') AS timezone, current_setting('server_encoding') AS encoding,
          current_setting('fsync') AS fsync, current_setting('max_connections') AS connections,
          current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets`,
      ),
    ).toEqual({
      timezone: "UTC",
      encoding: "UTF8",
      fsync: "off",
      connections: "200",
      addresses: "127.0.0.1",
      sockets: "",
    });
  });

  it("wants the password", async () => {
    const url = new URL((await start()).url);
    url.password = "wrong";
    await expect(query(url.href, "SELECT 1")).rejects.toThrow("password authentication failed");
  });

  it("says that the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(start(port)).rejects.toMatchObject({
      code: "port_in_use",
      message: `PostgreSQL cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
    other.close();
  });

  it("refuses data that a living process uses", async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: "in_use" });
  });

  it("refuses a folder that holds something else, and leaves it alone", async () => {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, "thesis.txt"), "");
    await expect(start()).rejects.toMatchObject({ code: "bad_data" });
    expect(readdirSync(dataDir)).toEqual(["thesis.txt"]);
  });

  it("starts over when an earlier initdb was killed in the middle", async () => {
    const unfinished = `${dataDir}.new-killed`;
    mkdirSync(join(unfinished, "data"), { recursive: true });
    writeFileSync(join(unfinished, "data", "PG_VERSION"), "18");
    const { url } = await start();
    expect(await query(url, "SELECT 1 AS one")).toEqual({ one: 1 });
    expect(existsSync(unfinished)).toBe(false);
  });

  it("stops a server that an earlier run left behind", async () => {
    await (await start()).stop(5_000);
    const leftover = await launchByHand();

    const { url } = await start();
    expect(await query(url, "SELECT 1 AS one")).toEqual({ one: 1 });
    await leftover.ended;
  });

  it("does not take an unrelated process for a server because of an old pid file", async () => {
    await (await start()).stop(5_000);
    writeFileSync(join(dataDir, "postmaster.pid"), `${process.pid}\n${dataDir}\n`);
    const { url } = await start();
    expect(await query(url, "SELECT 1 AS one")).toEqual({ one: 1 });
  });

  it("stops when the process that started it is killed", async () => {
    const script = `
      import { startLocalPostgres } from ${JSON.stringify(join(import.meta.dirname, "start.ts"))};
      console.log((await startLocalPostgres({ dataDir: process.argv[1], settings: { fsync: "off" } })).url);`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script, dataDir], { stdio: "pipe" });
    const [url] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
    const client = new pg.Client({ connectionString: url });
    const lost = new Promise<Error>((resolve) => client.on("error", resolve));
    await client.connect();

    parent.kill("SIGKILL");
    expect((await lost).message).toMatch(/terminating connection|Connection terminated/);
    // And the data are free for the next start, which waits for the old server's last moments.
    const next = await start();
    expect(await query(next.url, "SELECT 1 AS one")).toEqual({ one: 1 });
  });
});

/** A server on the same data that nobody watches and whose starter is unknown. */
async function launchByHand(): Promise<{ ended: Promise<unknown> }> {
  const user = chooseSystemUser([dataDir]);
  const { postgres } = findBinaries(user, () => undefined);
  const args = ["-D", dataDir, "-p", String(await freePort()), "-c", "unix_socket_directories="];
  const child = spawn(postgres, args, { ...runAs(user), stdio: ["ignore", "ignore", "pipe"], detached: true });
  const ended = once(child, "close");
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes("ready to accept connections")) break;
  }
  child.stderr.resume();
  return { ended };
}

describe("the data folder's parent", () => {
  it("is made when it is missing, and holds the password and the owner's mark", async () => {
    await start();
    expect(readdirSync(dirname(dataDir)).sort()).toEqual(["postgres", "postgres.owner", "postgres.password"]);
  });

  it("may be closed to others: then root's server keeps its data elsewhere, and finds them again", async () => {
    chmodSync(folder, 0o700);
    const lines: string[] = [];
    const first = await startLocalPostgres({ dataDir, settings, log: (line) => lines.push(line) });
    running.push(first);
    const moved = first.dataDir !== dataDir;
    expect(moved).toBe(process.getuid?.() === 0);
    expect(lines.some((line) => line.includes(`keeping the data in ${first.dataDir}`))).toBe(moved);
    await first.stop(5_000);

    // Once moved they stay there, also when the folder is open by now.
    chmodSync(folder, 0o755);
    const second = await start();
    expect(second.dataDir).toBe(first.dataDir);
    await second.stop(5_000);
    for (const path of [first.dataDir, `${first.dataDir}.password`]) rmSync(path, { recursive: true });
  });
});
