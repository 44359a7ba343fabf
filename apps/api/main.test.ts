import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const KEY = "a key of the first account, 32 characters and more";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function start(env: Record<string, string>): {
  child: ChildProcess;
  exit: Promise<number | null>;
  stderr: Promise<string>;
} {
  const child = spawn(process.execPath, [fileURLToPath(new URL("main.ts", import.meta.url))], {
    env: { PATH: process.env.PATH, HOST: "127.0.0.1", DATABASE_URL: database.url, ...env },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const exit = once(child, "exit").then(([code]) => code as number | null);
  return { child, exit, stderr: text(child.stderr as NonNullable<typeof child.stderr>) };
}

describe("the process", () => {
  it("makes the first account, serves, and stops on SIGTERM", async () => {
    const port = await freePort();
    const { child, exit, stderr } = start({ PORT: String(port), BELFRY_BOOTSTRAP_API_KEY: KEY });
    expect(await Promise.race([once(child, "message"), stderr])).toEqual([{ ready: true }, undefined]);

    const base = `http://127.0.0.1:${port}`;
    const headers = { authorization: `Bearer ${KEY}` };
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${base}/automation/jobs`, { headers })).json()).toEqual([]);

    const post = async (path: string, body: object) => {
      const init = {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(body),
      };
      return (await (await fetch(`${base}/automation/${path}`, init)).json()) as { id: string };
    };
    const { id } = await post("functions", { name: "f", kind: "http", url: "http://127.0.0.1:9/" });
    await post("jobs", { name: "j", function_id: id, schedule: "@daily", pool: "heavy" });
    const board = await fetch(`${base}/admin/queues`, { headers });
    expect([board.status, board.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
    const queues = await fetch(`${base}/admin/queues/api/queues`, { headers });
    const { queues: shown } = (await queues.json()) as { queues: { name: string; readOnlyMode: boolean }[] };
    expect(shown.map(({ name, readOnlyMode }) => [name, readOnlyMode]).toSorted()).toEqual([
      ["_system", true],
      ["heavy", true],
    ]);
    expect((await fetch(`${base}/admin/queues/api/queues`)).status).toBe(401);

    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    expect(await stderr).toBe("");
  });

  it("says in one line that its port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { exit, stderr } = start({ PORT: String(port) });
    expect(await exit).toBe(1);
    expect(await stderr).toBe(`belfry api: port ${port} on 127.0.0.1 is in use, set PORT to another one\n`);
    other.close();
  });

  it("says in one line that there is no database", async () => {
    const { exit, stderr } = start({ PORT: "0", DATABASE_URL: "postgres://user:hunter2@127.0.0.1:1/none" });
    expect(await exit).toBe(1);
    expect(await stderr).toMatch(/^belfry api: .*ECONNREFUSED.*\n$/);
    expect(await stderr).not.toContain("hunter2");
  });

  it("says which settings are wrong, and not what they hold", async () => {
    const { exit, stderr } = start({
      PORT: "eighty",
      BELFRY_BOOTSTRAP_API_KEY: "short",
      BELFRY_QUEUES_WRITABLE: "maybe",
    });
    expect(await exit).toBe(1);
    for (const name of ["PORT", "BELFRY_BOOTSTRAP_API_KEY", "BELFRY_QUEUES_WRITABLE"])
      expect(await stderr).toContain(name);
    expect(await stderr).not.toMatch(/short|eighty|maybe/);
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
