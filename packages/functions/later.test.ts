import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { complete, heartbeat, LATER } from "./later.ts";
import { serve } from "./serve.ts";
import { newSecret, signedCall, testEvent } from "./signed-call.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Where a phase is ended, by a server that answers with one status after the other, and what it is told. */
async function callbackThat(...statuses: number[]) {
  const told: [IncomingMessage["url"], IncomingMessage["headers"]["authorization"], string][] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    told.push([request.url, request.headers.authorization, body]);
    response.writeHead(statuses[told.length - 1] ?? 500).end('{"code":"CALLBACK_CLOSED"}');
  });
  stops.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { callback: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/e1`, token: "t1" }, told };
}

it("is answered with 202 by a handler that takes the phase on", async () => {
  const secret = newSecret();
  const response = await serve(() => LATER, { secret })(
    new Request("http://fn/", signedCall(secret, testEvent("perform"))),
  );
  expect([response.status, await response.json()]).toEqual([202, {}]);
});

it("is ended with the phase's own token, and kept alive before that", async () => {
  const { callback, told } = await callbackThat(200, 200, 200, 200);
  await heartbeat(callback);
  await heartbeat(callback, { percent: 40, text: "page 2" });
  await complete(callback, { output: { sent: 3 } });
  await complete(callback, { error: { message: "no paper", retryable: false } });
  expect(told).toEqual([
    ["/e1/heartbeat", "Bearer t1", ""],
    ["/e1/heartbeat", "Bearer t1", '{"percent":40,"text":"page 2"}'],
    ["/e1/complete", "Bearer t1", '{"output":{"sent":3}}'],
    ["/e1/complete", "Bearer t1", '{"error":{"message":"no paper","retryable":false}}'],
  ]);
});

it("is ended by a further try if Belfry is away for a moment, and not if it is too late", async () => {
  const { callback, told } = await callbackThat(503, 200, 409);
  await complete(callback, { output: 1 });
  expect(told).toHaveLength(2);
  const late = 'complete was refused with HTTP 409: {"code":"CALLBACK_CLOSED"}';
  await expect(complete(callback, { output: 1 })).rejects.toThrow(late);
  expect(told).toHaveLength(3);
});
