import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { clientGone } from "./client-gone.ts";

it("says when a client has left whose body was read long ago, and not before", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const server = createServer((request, raw) => {
    request.resume().on("close", () => asked.resolve(clientGone({ raw })));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new AbortController();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const answer = fetch(url, { method: "POST", body: "{}", signal: client.signal });
  const signal = await asked.promise;
  expect(signal.aborted).toBe(false);
  client.abort();
  await expect(answer).rejects.toThrow();
  await once(signal, "abort");
  expect(signal.reason).toMatchObject({ message: "the client has gone before it was answered" });
  server.close();
});
