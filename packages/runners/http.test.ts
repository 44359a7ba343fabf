import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { phaseRecord } from "@belfry/contract/execution.ts";
import type { JsonObject } from "@belfry/contract/json.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseAllowList } from "./allow-list.ts";
import { readCheckResult } from "./check-result.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { checkEvent, performEvent, type Run } from "./phase-event.ts";
import { runPhase } from "./run-phase.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "01928c3e-7a00-7000-8000-000000000001",
  attempt: 2,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "schedule",
  payload: { city: "Bern" },
};

let client: HttpClient;
beforeAll(() => {
  client = createHttpClient({ allow: parseAllowList("127.0.0.1") });
});
afterAll(() => client.close());

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Serves a function on a free port and gives its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=1`;
}

const answering = (
  body: string | Buffer,
  headers: Record<string, string> = { "content-type": "application/json" },
  status = 200,
) => serve((_, response) => response.writeHead(status, headers).end(body));

type Options = { timeoutMs?: number; signal?: AbortSignal; headers?: Record<string, string>; payload?: JsonObject };
const call = (phase: "check" | "perform", url: string, options: Options = {}) => {
  const { timeoutMs = 5000, signal = new AbortController().signal, headers = {}, payload = {} } = options;
  const event = phase === "check" ? checkEvent(run) : performEvent(run, payload);
  return runPhase({ kind: "http", client, url, headers }, { run, event, timeoutMs, signal });
};

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks = await request.toArray();
  return JSON.parse(Buffer.concat(chunks).toString());
}

describe("a function served over HTTP", () => {
  it("is posted the event and answers JSON, check first and perform with what check said", async () => {
    const seen: unknown[] = [];
    const url = await serve(async (request, response) => {
      const event = (await bodyOf(request)) as JsonObject;
      seen.push([request.method, request.url, event]);
      const answer =
        event.phase === "check" ? { shouldPerform: true, performPayload: { rows: 3 } } : { done: event.rows };
      response.setHeader("content-type", "application/json; charset=utf-8").end(JSON.stringify(answer));
    });

    const check = await call("check", url);
    const { performPayload } = readCheckResult(check.output);
    const perform = await call("perform", url, { payload: performPayload });

    expect(seen).toEqual([
      ["POST", "/hook?key=1", checkEvent(run)],
      ["POST", "/hook?key=1", performEvent(run, { rows: 3 })],
    ]);
    expect(perform).toMatchObject({ output: { done: 3 }, error: null, retryable: false });
    expect(phaseRecord.parse(perform.record)).toMatchObject({
      input: { phase: "perform", rows: 3 },
      output: { done: 3 },
      logs: [],
      error: null,
    });
  });

  it("is told what it belongs to, in headers that its own can extend and not replace", async () => {
    let headers: IncomingMessage["headers"] = {};
    const url = await serve((request, response) => {
      headers = request.headers;
      response.end();
    });
    await call("perform", url, { headers: { Authorization: "Bearer t", "Idempotency-Key": "mine", __proto__x: "1" } });

    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "belfry",
      "idempotency-key": `${run.executionId}-perform`,
      "belfry-execution-id": run.executionId,
      "belfry-attempt": "2",
      authorization: "Bearer t",
      __proto__x: "1",
    });
  });

  it("is called over connections that stay open", async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end("{}");
    });
    for (let time = 0; time < 20; time++) await call("perform", url);

    // A connection is free again a moment after its answer was read, so that two take turns.
    expect(ports.size).toBeLessThanOrEqual(2);
  });
});

describe("an answer of 2xx", () => {
  it.each([
    ["an empty body", "", {}, 200, null],
    ["204", "", {}, 204, null],
    ["JSON", '{"a":1}', { "content-type": "application/json" }, 200, { a: 1 }],
    ["a scalar", "3", { "content-type": "application/json" }, 200, 3],
    ["JSON of a vendor", "[1]", { "content-type": "application/vnd.me+json; v=1" }, 201, [1]],
    ["JSON that does not say so", "[1]", {}, 200, [1]],
    ["text that does not say so", "done", {}, 200, "done"],
    ["text", '{"a":1}', { "content-type": "text/plain" }, 200, '{"a":1}'],
    ["poison", '{"a\\u0000":"\\ud800"}', { "content-type": "application/json" }, 200, { "a\ufffd": "\ufffd" }],
    ["bytes that are no text", Buffer.from([0xff, 0x00, 0x41]), { "content-type": "image/png" }, 200, "\ufffd\ufffdA"],
  ])("is recorded for perform: %s", async (_, body, headers, status, output) => {
    const result = await call("perform", await answering(body, headers, status));

    expect(result.error).toBeNull();
    expect(result.record.output).toEqual(output);
  });

  it("is cut in the record if it is large or deep", async () => {
    const large = await call("perform", await answering(JSON.stringify("x".repeat(500_000))));
    const deep = await call("perform", await answering(`${'{"0":'.repeat(100_000)}1${"}".repeat(100_000)}`));

    expect(large.record.output).toMatchObject({ truncated: true, bytes: 500_002 });
    expect(deep.record.output).toMatchObject({ truncated: true, depth: 100_000 });
  });

  it.each([
    ["perform", "{broken", { "content-type": "application/json" }],
    ["check", "<html>", { "content-type": "text/html" }],
    ["check", "{broken", {}],
  ] as const)("is HTTP_FAILED for %s if it is not the JSON that it should be: %s", async (phase, body, headers) => {
    const result = await call(phase, await answering(body, headers));

    expect(result).toMatchObject({
      error: { code: "HTTP_FAILED", message: expect.stringMatching(/not JSON/) },
      retryable: false,
    });
    expect(result.record.output).toBe(body);
  });

  it("is CHECK_INVALID for a check that answered nothing", async () => {
    const result = await call("check", await answering("", {}, 204));

    expect(result.error).toMatchObject({ code: "CHECK_INVALID", message: expect.stringMatching(/it answered null/) });
  });

  it.each([[true], [false]])(
    "is HTTP_FAILED if it is larger than 1 MiB, told beforehand: %s, and the connection closes",
    async (told) => {
      const closed = Promise.withResolvers<void>();
      const url = await serve((_, response) => {
        response.on("close", closed.resolve);
        response.writeHead(200, told ? { "content-length": 8 << 20 } : {});
        response.write(Buffer.alloc(2 << 20, "x")); // and never ends
      });

      expect(await call("perform", url)).toMatchObject({
        error: { code: "HTTP_FAILED", message: "the function's answer is larger than 1048576 bytes" },
        retryable: false,
      });
      await closed.promise;
    },
  );
});

describe("an answer other than 2xx", () => {
  it.each([
    [301, "HTTP 301 Moved Permanently (of redirects only 307 and 308 are followed)", false],
    [400, "HTTP 400 Bad Request", false],
    [404, "HTTP 404 Not Found", false],
    [408, "HTTP 408 Request Timeout", true],
    [409, "HTTP 409 Conflict", false],
    [425, "HTTP 425 Too Early", true],
    [429, "HTTP 429 Too Many Requests", true],
    [500, "HTTP 500 Internal Server Error", true],
    [503, "HTTP 503 Service Unavailable", true],
    [599, "HTTP 599 unknown", true],
  ])("is HTTP_STATUS with its body: %i", async (status, message, retryable) => {
    const result = await call("perform", await answering("why", { location: "http://127.0.0.1:1/" }, status));

    expect(result).toMatchObject({
      output: null,
      error: { code: "HTTP_STATUS", message },
      retryable,
      retryAfterMs: null,
    });
    expect(result.record.output).toEqual({ status, body: "why" });
  });

  it.each([
    [429, "1", 1_000],
    [503, "120", 120_000],
    [500, "0", 0],
    [503, "soon", null],
    // Not tried again in any case.
    [404, "120", null],
    [301, "120", null],
  ])("may say how long to wait before another attempt: %i with Retry-After %s", async (status, retryAfter, ms) => {
    expect(await call("check", await answering("", { "retry-after": retryAfter }, status))).toMatchObject({
      error: { code: "HTTP_STATUS" },
      retryAfterMs: ms,
    });
  });

  it("may say so by a date", async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    const { retryAfterMs } = await call("perform", await answering("", { "retry-after": date }, 503));

    // HTTP dates have whole seconds, and the call took a moment.
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it("keeps the first 4 KB of its body, whole characters only and storable", async () => {
    const url = await answering(`\u0000${"é".repeat(100_000)}`, {}, 500);
    const { record } = await call("check", url);

    expect(record.output).toEqual({ status: 500, body: `\ufffd${"é".repeat(2047)}` });
  });

  it("is told by its status although its body never ends, and the connection closes", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await serve((_, response) => {
      response.on("close", closed.resolve);
      response.writeHead(500).write("x".repeat(10_000));
    });

    expect((await call("perform", url)).record.output).toEqual({ status: 500, body: "x".repeat(4096) });
    await closed.promise;
  });

  it("is told by its status although its body breaks off", async () => {
    const url = await serve((_, response) => {
      response.writeHead(502, { "content-length": 100 });
      response.write("half", () => response.destroy());
    });

    expect((await call("perform", url)).record).toMatchObject({
      error: { code: "HTTP_STATUS", message: "HTTP 502 Bad Gateway" },
      output: { status: 502, body: "half" },
    });
  });
});

describe("no answer", () => {
  it("is HTTP_FAILED and retryable when the connection is refused", async () => {
    const vacant = createTcpServer();
    await new Promise<void>((resolve) => vacant.listen(0, "127.0.0.1", resolve));
    const { port } = vacant.address() as AddressInfo;
    await new Promise((resolve) => vacant.close(resolve));

    expect(await call("perform", `http://127.0.0.1:${port}/`)).toMatchObject({
      error: { code: "HTTP_FAILED", message: expect.stringMatching(/gave no answer: .*ECONNREFUSED/) },
      retryable: true,
    });
  });

  it.each([
    ["before the headers", (): RequestListener => (request) => request.socket.resetAndDestroy()],
    [
      "within the body",
      (): RequestListener => (request, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write("half", () => request.socket.resetAndDestroy());
      },
    ],
  ])("is HTTP_FAILED and retryable when the connection is reset %s", async (_, listener) => {
    const result = await call("perform", await serve(listener()));

    expect(result).toMatchObject({
      error: { code: "HTTP_FAILED", message: expect.stringMatching(/gave no answer/) },
      retryable: true,
    });
  });

  it("is HTTP_FAILED when what answers does not speak HTTP", async () => {
    const tcp = createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const result = await call("perform", `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/`);
    tcp.close();

    expect(result).toMatchObject({ error: { code: "HTTP_FAILED" }, retryable: true });
  });

  it.each([
    ["a URL", "not a url", {}],
    ["a header", "http://127.0.0.1:1/", { "x-a": "line\r\nbreak" }],
  ])("is HTTP_FAILED and final if %s cannot be sent", async (_, url, headers) => {
    const result = await call("perform", url, { headers });

    expect(result).toMatchObject({ error: { code: "HTTP_FAILED" }, retryable: false });
  });
});

describe("a call that has to stop", () => {
  it.each([
    ["before the headers", (): RequestListener => () => {}],
    [
      "within the body",
      (): RequestListener => (_, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.write('{"half":');
      },
    ],
    [
      "within the body of an error",
      (): RequestListener => (_, response) => {
        response.writeHead(500);
        response.write("half");
      },
    ],
  ])("ends with TIMEOUT and closes the connection when the server hangs %s", async (_, listener) => {
    const closed = Promise.withResolvers<void>();
    const hang = listener();
    const url = await serve((request, response) => {
      request.socket.on("close", () => closed.resolve());
      hang(request, response);
    });

    expect(await call("perform", url, { timeoutMs: 50 })).toMatchObject({
      error: { code: "TIMEOUT", message: "perform took longer than its limit of 50 ms" },
      retryable: true,
    });
    await closed.promise;
  });

  it("ends with CANCELLED and closes the connection when the worker cancels it", async () => {
    const closed = Promise.withResolvers<void>();
    const worker = new AbortController();
    const url = await serve((request) => {
      request.socket.on("close", () => closed.resolve());
      worker.abort();
    });

    expect(await call("check", url, { signal: worker.signal })).toMatchObject({
      error: { code: "CANCELLED" },
      retryable: false,
    });
    await closed.promise;
  });

  it("fails when the client is closed under it", async () => {
    const own = createHttpClient({ allow: parseAllowList("127.0.0.1") });
    const url = await serve(() => void own.close());
    const event = performEvent(run, {});
    const signal = new AbortController().signal;

    const result = await runPhase(
      { kind: "http", client: own, url, headers: {} },
      { run, event, timeoutMs: 5000, signal },
    );

    expect(result).toMatchObject({ error: { code: "HTTP_FAILED" }, retryable: true });
  });
});
