import { Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
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
    const app = await buildApp({ db, log: pino({ level: "silent" }) });
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
  it("lets the request under way finish, and says meanwhile that it is not ready", async () => {
    const api = await startTestApi();
    const client = await api.newClient();
    const job = await aJob(client);
    await api.app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = api.app.server.address() as AddressInfo;
    const keptAlive = new Agent({ keepAlive: true, maxSockets: 1 });
    const probe = () => send(port, "GET", "/readyz", {}, keptAlive);
    const headers = { authorization: `Bearer ${client.key}`, "content-type": "application/json" };

    // The request waits for the job's row, which we hold.
    const { underWay, closing, notReady } = await api.db.transaction(async (tx) => {
      await tx.execute(sql`select from jobs where id = ${job.id} for update`);
      const underWay = send(port, "PATCH", `/automation/jobs/${job.id}`, headers, undefined, '{"description":"done"}');
      await expect
        .poll(async () => (await api.db.execute(sql`select from pg_locks where not granted`)).rowCount)
        .toBeGreaterThan(0);
      // A connection that is busy when the stop begins stays open until it is answered.
      const early = probe();
      const closing = api.app.close();
      expect((await early).status).toBeOneOf([200, 503]);
      const notReady = await probe().catch(() => null);
      return { underWay, closing, notReady };
    });

    expect(await underWay).toMatchObject({ status: 200, body: expect.stringContaining('"description":"done"') });
    await closing;
    expect(notReady?.status ?? 503).toBe(503);
    await expect(probe()).rejects.toThrow();
    keptAlive.destroy();
    await api.close();
  });
});

function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  agent?: Agent,
  body?: string,
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, method, path, headers, ...(agent && { agent }) }, async (response) => {
      resolve({ status: response.statusCode, body: await text(response) });
    })
      .on("error", reject)
      .end(body);
  });
}
