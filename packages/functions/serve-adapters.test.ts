import { once } from "node:events";
import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { fastify } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { serveFastify } from "./fastify.ts";
import { type EventHandler, type ServeOptions, serveNode } from "./node.ts";
import { newSecret, signedCall, testEvent } from "./signed-call.ts";

const secret = newSecret();
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function listen(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/fn`;
}

/** How a function is served in each kind of server, and the URL at which it then is. */
const SERVERS: Record<string, (fn: EventHandler, options: ServeOptions) => Promise<string>> = {
  "node:http": (fn, options) => listen(serveNode(fn, options)),
  Express: (fn, options) => {
    const app = express();
    app.post("/fn", serveNode(fn, options));
    app.use(express.json());
    return listen(app);
  },
  "Express after a parser that keeps the bytes": (fn, options) => {
    const app = express();
    const verify = (request: object, _: unknown, bytes: Buffer) => void Object.assign(request, { rawBody: bytes });
    app.use(express.json({ verify }));
    app.post("/fn", serveNode(fn, options));
    return listen(app);
  },
  "Express after express.raw": (fn, options) => {
    const app = express();
    app.use(express.raw({ type: "*/*" }));
    app.post("/fn", serveNode(fn, options));
    return listen(app);
  },
  "Express after express.text": (fn, options) => {
    const app = express();
    app.use(express.text({ type: "*/*" }));
    app.post("/fn", serveNode(fn, options));
    return listen(app);
  },
  Fastify: async (fn, options) => {
    const app = fastify();
    app.register(serveFastify(fn, options), { prefix: "/fn" });
    app.post("/other", (request) => request.body); // still has its parser
    stops.push(() => app.close());
    return `${await app.listen({ port: 0, host: "127.0.0.1" })}/fn`;
  },
};

const serverOf = (name: string) => SERVERS[name] as (typeof SERVERS)[string];

const echo: EventHandler = (event, { attempt, payload }) => ({ phase: event.phase, attempt, payload });

describe.each(Object.entries(SERVERS))("%s", (_name, start) => {
  const ask = (url: string, init: RequestInit) => fetch(url, init).then(async (r) => [r.status, await r.json()]);

  it("calls the function with what is signed", async () => {
    const url = await start(echo, { secret });
    const event = testEvent("perform", { name: "Zoë 🎈" });
    expect(await ask(url, signedCall(secret, JSON.stringify(event, null, 2)))).toEqual([
      200,
      { phase: "perform", attempt: 2, payload: { name: "Zoë 🎈" } },
    ]);
  });

  it("refuses what is not", async () => {
    const url = await start(echo, { secret });
    expect(await ask(url, signedCall(newSecret(), testEvent("check")))).toMatchObject([401, { code: "UNAUTHORIZED" }]);
  });

  it("answers what the function throws", async () => {
    const fn = () => Promise.reject(new Error("the printer is out"));
    const url = await start(fn, { secret, logger: quiet });
    const answer = { code: "FUNCTION_ERROR", message: "the printer is out" };
    expect(await ask(url, signedCall(secret, testEvent("perform")))).toEqual([500, answer]);
  });

  it("stops the function when the caller goes", async () => {
    const begun = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const url = await start(
      (_, { signal }) => {
        signal.addEventListener("abort", () => stopped.resolve());
        begun.resolve();
        return stopped.promise;
      },
      { secret },
    );
    const caller = new AbortController();
    const call = fetch(url, { ...signedCall(secret, testEvent("perform")), signal: caller.signal });
    await begun.promise;
    caller.abort();

    await expect(call).rejects.toThrow();
    await stopped.promise;
  });
});

// With a parser in front the limit is the parser's.
describe.each(["node:http", "Express", "Fastify"])("%s takes the largest event that Belfry makes", (name) => {
  const MIB = 1024 * 1024;
  const answerOf = (list: string) => `{"shouldPerform":true,"performPayload":{"list":[${list}]}}`;
  const room = MIB - answerOf("").length;
  const largest = {
    "as it came": answerOf(`"${"x".repeat(room - 2)}"`),
    // A number that is longer when it is written anew, as often as it fits.
    "with numbers that become longer": answerOf(
      Array(Math.floor((room + 1) / 5))
        .fill("1e20")
        .join(","),
    ),
  };

  it.each(Object.entries(largest))("after a check that answered 1 MiB: %s", async (_, answer) => {
    const url = await serverOf(name)((event) => ("list" in event ? (event.list as unknown[]).length : null), {
      secret,
    });
    const { performPayload } = JSON.parse(answer) as { performPayload: { list: unknown[] } };
    const event = testEvent("perform", "x".repeat(256 * 1024 - 2), performPayload);
    const response = await fetch(url, signedCall(secret, event));

    expect([response.status, await response.json()]).toEqual([200, performPayload.list.length]);
  });
});

describe.each(["node:http", "Express", "Fastify"])("%s answers a body that is too large", (name) => {
  /** The status of a request that is never ended. */
  const statusOf = async (headers: Record<string, string>, body?: Buffer) => {
    const url = await serverOf(name)(echo, { secret, maxBytes: 1000 });
    const request = httpRequest(url, { method: "POST", headers: { "content-type": "application/json", ...headers } });
    request.flushHeaders();
    if (body) request.write(body);
    const [response] = await once(request, "response");
    request.destroy();
    return response.statusCode;
  };

  it("before it has come, if it says how long it is", async () => {
    expect(await statusOf({ "content-length": "1001" })).toBe(413);
  });

  it("when it has come too far", async () => {
    expect(await statusOf({ "transfer-encoding": "chunked" }, Buffer.alloc(1001))).toBe(413);
  });
});

it("says what to do when a parser has taken the body", async () => {
  const app = express();
  app.use(express.json());
  app.post("/fn", serveNode(echo, { secret, logger: quiet }));
  const response = await fetch(await listen(app), signedCall(secret, testEvent("check")));

  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({
    code: "BODY_UNAVAILABLE",
    message: expect.stringContaining("Serve the function before the parser"),
  });
});

it("leaves the other routes of Fastify their parsers", async () => {
  const url = await serverOf("Fastify")(echo, { secret });
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1}' };
  expect(await (await fetch(new URL("/other", url), init)).json()).toEqual({ a: 1 });
});
