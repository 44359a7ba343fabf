import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { openDatabase } from "@belfry/db/client.ts";
import { sql } from "drizzle-orm";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { buildApp } from "../build-app.ts";
import { aJob, startTestApi } from "../test-api.ts";

describe("health", () => {
  it("is good while the database answers", async () => {
    const api = await startTestApi();
    expect((await api.app.inject("/livez")).json()).toEqual({ ok: true });
    expect((await api.app.inject("/readyz")).json()).toEqual({ ok: true });
    await api.close();
  });

  it("is alive but not ready without a database, and every call says 503", async () => {
    const { db, close } = openDatabase({
      url: "postgres://127.0.0.1:1/none",
      applicationName: "test",
      onError: () => undefined,
    });
    const app = await buildApp({ db, databaseUrl: "postgres://127.0.0.1:1/none", log: pino({ level: "silent" }) });
    expect((await app.inject("/livez")).statusCode).toBe(200);
    for (const [url, authorization] of [
      ["/readyz", ""],
      ["/automation/jobs", "Bearer some-key"],
    ] as const) {
      const answer = await app.inject({ url, headers: { authorization } });
      expect(answer.statusCode).toBe(503);
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.json()).toMatchObject({ error: "service unavailable", code: "UNAVAILABLE" });
    }
    await app.close();
    await close();
  });
});

describe("a stop", () => {
  it("lets requests under way finish, and says meanwhile that it is not ready", async () => {
    const api = await startTestApi();
    const client = await api.newClient();
    const job = await aJob(client);
    await api.app.listen({ port: 0, host: "127.0.0.1" });
    // On one connection, the second request before the first is answered: a stop closes connections that are idle.
    const socket = connect((api.app.server.address() as AddressInfo).port, "127.0.0.1");
    const answers = text(socket);
    const patch = '{"description":"done"}';

    let closing: Promise<void> | undefined;
    await api.db.transaction(async (tx) => {
      // The patch waits for the job's row, which we hold.
      await tx.execute(sql`select from jobs where id = ${job.id} for update`);
      socket.write(
        `PATCH /automation/jobs/${job.id} HTTP/1.1\r\nHost: belfry\r\nAuthorization: Bearer ${client.key}\r\n`,
      );
      socket.write(`Content-Type: application/json\r\nContent-Length: ${patch.length}\r\n\r\n${patch}`);
      const waiting = async () => (await api.db.execute(sql`select from pg_locks where not granted`)).rowCount;
      await expect.poll(waiting).toBeGreaterThan(0);

      closing = api.app.close();
      await expect.poll(() => api.app.server.listening).toBe(false);
      const read = once(api.app.server, "request");
      socket.write("GET /readyz HTTP/1.1\r\nHost: belfry\r\nConnection: close\r\n\r\n");
      await read;
    });

    const [first, second] = (await answers).split(/(?=HTTP\/1\.1 503)/);
    expect(first).toMatch(/^HTTP\/1\.1 200 .*"description":"done"/s);
    expect(second).toContain('"code":"UNAVAILABLE"');
    await closing;
    await api.close();
  });
});
