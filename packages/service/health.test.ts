import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { startHealthServer } from "./health.ts";
import { createMetrics } from "./metrics.ts";

let closes: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closes) await close();
  closes = [];
});

async function start(ready: () => boolean, port = 0) {
  const health = await startHealthServer(port, ready, createMetrics({ ofProcess: false }));
  closes.push(health.close);
  return {
    port: health.port,
    statusOf: async (path: string) => (await fetch(`http://127.0.0.1:${health.port}${path}`)).status,
  };
}

it("says that the process lives, whether it is ready or not", async () => {
  let ready = false;
  const { statusOf } = await start(() => ready);
  expect([await statusOf("/livez"), await statusOf("/readyz")]).toEqual([200, 503]);
  ready = true;
  expect([await statusOf("/livez"), await statusOf("/readyz")]).toEqual([200, 200]);
});

it("tells what it measures", async () => {
  const { port } = await start(() => true);
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
});

it("knows nothing else", async () => {
  const { statusOf } = await start(() => true);
  expect(await statusOf("/")).toBe(404);
});

it("refuses a port that is in use", async () => {
  const { port } = await start(() => true);
  await expect(startHealthServer(port, () => true, createMetrics({ ofProcess: false }))).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

it("closes at once, although a client is in the middle of a request", async () => {
  const { port, close } = await startHealthServer(0, () => true, createMetrics({ ofProcess: false }));
  const client = connect(port, "127.0.0.1").on("error", () => undefined);
  const answered = once(client, "data");
  client.write("GET /livez HTTP/1.1\r\nHost: here\r\n\r\nGET /livez HTTP/1.1\r\n");
  await answered;
  await close();
  client.destroy();
});
