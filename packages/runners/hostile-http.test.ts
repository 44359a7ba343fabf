/** Servers of functions that do what no server should. None of it costs the worker more than the call. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseAllowList } from "./allow-list.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "./exchange.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { checkEvent, performEvent, type Run } from "./phase-event.ts";
import { runPhase } from "./run-phase.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "01928c3e-7a00-7000-8000-000000000001",
  attempt: 1,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "schedule",
  payload: null,
};

let client: HttpClient;
/** A server like any other, to be called after each hostile one over the same client. */
let good: string;
const stops: (() => unknown)[] = [];
const lasting: (() => unknown)[] = [];
beforeAll(async () => {
  client = createHttpClient({ allow: parseAllowList("127.0.0.1, 127.0.0.1:1") });
  good = await listen((socket) => void socket.on("data", () => socket.write(answer('"good"'))), lasting);
});
afterAll(async () => {
  for (const stop of lasting) await stop();
  await client.close();
});
afterEach(async () => {
  expect((await call(good)).output).toBe("good");
  for (const stop of stops.splice(0)) await stop();
});

async function listen(onConnection: (socket: Socket) => void, stopBy = stops): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  stopBy.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A server that does this once a request has come. */
const onRequest = (act: (socket: Socket) => void) => listen((socket) => void socket.once("data", () => act(socket)));
const sending = (bytes: string | Buffer) => onRequest((socket) => void socket.write(bytes));
const sendingAndClosing = (bytes: string | Buffer) => onRequest((socket) => void socket.end(bytes));

function answer(body: string | Buffer, headers: Record<string, string> = {}, status = "200 OK"): Buffer {
  const all = { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`), Buffer.from(body)]);
}

type Options = { timeoutMs?: number; limits?: Partial<HttpLimits>; phase?: "check" | "perform"; with?: HttpClient };
const call = (url: string, { timeoutMs = 5_000, limits = {}, phase = "perform", with: by = client }: Options = {}) =>
  runPhase(
    { kind: "http", client: by, url, headers: {}, limits: { ...DEFAULT_LIMITS, ...limits } },
    {
      run,
      event: phase === "check" ? checkEvent(run) : performEvent(run, {}),
      timeoutMs,
      signal: new AbortController().signal,
    },
  );

const failure = (code: string, message: string | RegExp, retryable: boolean) => ({
  output: null,
  error: { code, message: typeof message === "string" ? message : expect.stringMatching(message) },
  retryable,
});
const tooLarge = failure("HTTP_FAILED", "the function's answer is larger than 1048576 bytes", false);

/** Writes `piece` again and again until the socket is closed. */
function flood(socket: Socket, piece: string | Buffer): void {
  if (socket.writable) socket.write(piece, () => flood(socket, piece));
}
async function drip(socket: Socket, text: string, first = ""): Promise<void> {
  socket.write(first);
  while (!socket.destroyed && socket.writable) {
    socket.write(text);
    await sleep(5);
  }
}

describe("a server that takes its time", () => {
  it("over connecting, since it accepts nobody, fails with the limit of connecting", async () => {
    // Its thread sleeps, so that nobody takes connections off the queue of two that the system keeps for it.
    const code = `
      const { parentPort } = require("node:worker_threads");
      const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
        parentPort.postMessage(server.address().port);
        setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
      });`;
    const worker = new Worker(code, { eval: true });
    stops.push(() => worker.terminate());
    const [port] = (await once(worker, "message")) as [number];
    const own = createHttpClient({ allow: parseAllowList("127.0.0.1") });
    stops.unshift(() => own.close());
    const limits = { connectMs: 300, headersMs: 1_000 };
    const calls = Array.from({ length: 8 }, () => call(`http://127.0.0.1:${port}/`, { limits, with: own }));
    const messages = (await Promise.all(calls)).map(({ error }) => `${error?.code}: ${error?.message}`);

    const connecting =
      "TIMEOUT: there was no connection to the function's server within its limit of 300 ms (connect_timeout_ms)";
    expect(messages.filter((message) => message === connecting).length).toBeGreaterThanOrEqual(4);
    expect(messages.every((message) => message.startsWith("TIMEOUT: "))).toBe(true);
  });

  it("over TLS, since it says nothing, fails with the limit of connecting", async () => {
    const url = (await listen(() => undefined)).replace("http:", "https:");
    const message = "there was no connection to the function's server within its limit of 50 ms (connect_timeout_ms)";
    expect(await call(url, { limits: { connectMs: 50 } })).toMatchObject(failure("TIMEOUT", message, true));
  });

  it.each([
    ["says nothing", () => listen(() => undefined)],
    ["reads nothing", () => listen((socket) => void socket.pause())],
    ["drips the reason of its status", () => onRequest((socket) => void drip(socket, "a", "HTTP/1.1 200 "))],
    ["drips its headers", () => onRequest((socket) => void drip(socket, "a: b\r\n", "HTTP/1.1 200 OK\r\n"))],
    [
      "says every now and then that it is at it",
      () => onRequest((socket) => void drip(socket, "HTTP/1.1 102 Processing\r\n\r\n")),
    ],
  ])("over beginning to answer, since it %s, fails with the limit of headers", async (_, serve) => {
    const message = "the function's server did not begin to answer within its limit of 60 ms (headers_timeout_ms)";
    expect(await call(await serve(), { limits: { headersMs: 60 } })).toMatchObject(failure("TIMEOUT", message, true));
  });

  const begun = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
  it("over the rest of its answer fails with the limit of standing still", async () => {
    const message = "the function's answer stood still for its limit of 60 ms (body_timeout_ms)";
    const result = await call(await sending(begun), { limits: { bodyMs: 60 } });
    expect(result).toMatchObject(failure("TIMEOUT", message, true));
  });

  it("and drips its answer fails with the phase's limit, for it never stands still", async () => {
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    const url = await onRequest((socket) => void drip(socket, "1\r\nx\r\n", head));
    const message = "perform took longer than its limit of 200 ms";
    const result = await call(url, { timeoutMs: 200, limits: { bodyMs: 150 } });
    expect(result).toMatchObject(failure("TIMEOUT", message, true));
  });

  it("over the body of an error has told its status", async () => {
    const url = await sending("HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\nso much");
    const result = await call(url, { limits: { bodyMs: 60 } });
    expect(result).toMatchObject(failure("HTTP_STATUS", "HTTP 503 Busy", true));
    expect(result.record.output).toEqual({ status: 503, body: "so much" });
  });

  it("over its name is sent nothing when it turns up after the call was given up", async () => {
    const asked = Promise.withResolvers<void>();
    const named = Promise.withResolvers<void>();
    const own = createHttpClient({
      allow: parseAllowList("127.0.0.1"),
      async resolveName() {
        asked.resolve();
        await named.promise;
        return [{ address: "127.0.0.1", family: 4 }];
      },
    });
    stops.unshift(() => own.close());
    let received = 0;
    const closed = Promise.withResolvers<void>();
    const url = await listen((socket) => {
      socket.on("data", (data) => (received += data.length));
      socket.on("close", () => closed.resolve());
    });
    const late = call(url.replace("127.0.0.1", "late.test"), { limits: { connectMs: 20 }, with: own });
    await asked.promise;
    expect((await late).error?.code).toBe("TIMEOUT");
    named.resolve();
    await closed.promise;
    expect(received).toBe(0);
  });

  it("closes the connection of each call that was given up", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await listen((socket) => void socket.resume().on("close", () => closed.resolve()));
    await call(url, { limits: { headersMs: 20 } });
    await closed.promise;
  });
});

describe("a server that sends too much", () => {
  const megabytes50 = 50 * 1024 * 1024;
  it.each([
    ["and says so", `HTTP/1.1 200 OK\r\ncontent-length: ${megabytes50}\r\n\r\n`, "x".repeat(65_536)],
    ["in chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", `10000\r\n${"x".repeat(65_536)}\r\n`],
    ["until it closes", "HTTP/1.1 200 OK\r\n\r\n", "x".repeat(65_536)],
  ])("%s is cut off at the limit", async (_, head, piece) => {
    let written = 0;
    const url = await onRequest((socket) => {
      socket.write(head);
      socket.on("close", () => (written = socket.bytesWritten));
      flood(socket, piece);
    });
    expect(await call(url)).toMatchObject(tooLarge);
    // The limit, and what systems keep in their buffers.
    await expect.poll(() => written).toBeGreaterThan(0);
    expect(written).toBeLessThan(megabytes50 / 2);
  });

  it("of an error has told its status", async () => {
    const url = await onRequest((socket) => {
      socket.write(`HTTP/1.1 500 Oh\r\ncontent-length: ${megabytes50}\r\n\r\n`);
      flood(socket, "x".repeat(65_536));
    });
    const result = await call(url);
    expect(result).toMatchObject(failure("HTTP_STATUS", "HTTP 500 Oh", true));
    expect(result.record.output).toEqual({ status: 500, body: "x".repeat(4_096) });
  });

  it.each([
    ["headers", "HTTP/1.1 200 OK\r\n", "x-header: 0123456789\r\n"],
    ["one header", "HTTP/1.1 200 OK\r\nx: ", "0123456789"],
    ["trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n", "x-trailer: 0123456789\r\n"],
    ["interim answers", "", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"],
    ["leave to continue", "", "HTTP/1.1 100 Continue\r\n\r\n"],
  ])("of %s gave no answer", async (_, head, piece) => {
    const url = await onRequest((socket) => {
      if (head) socket.write(head);
      flood(socket, piece.repeat(100));
    });
    expect(await call(url)).toMatchObject(failure("HTTP_FAILED", /gave no answer/, true));
  });

  it("in chunks of one byte each costs no more than its bytes", async () => {
    const chunks = Buffer.from("1\r\nx\r\n".repeat(900_000));
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
    const url = await onRequest((socket) => {
      socket.write(head);
      socket.write(chunks);
      socket.write("0\r\n\r\n");
    });
    const { output, error } = await call(url);
    expect([error, String(output).length]).toEqual([null, 900_000]);
  });

  it.each([
    ["a reason", "HTTP/1.1 200 "],
    ["a chunk's extension", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a="],
  ])("of what nobody needs is cut off: %s", async (_, head) => {
    const url = await onRequest((socket) => {
      socket.write(head);
      flood(socket, "0123456789".repeat(1_000));
    });
    const message = "the function's server sent more than 8388608 bytes for one answer";
    expect(await call(url)).toMatchObject(failure("HTTP_FAILED", message, false));
  });

  it("in all, over one connection, in answers of which each is small enough, has answered each", async () => {
    const large = await listen(
      (socket) => void socket.on("data", () => socket.write(answer(`"${"x".repeat(900_000)}"`))),
    );
    for (let i = 0; i < 12; i++) expect((await call(large)).error).toBeNull();
  });
});

describe("an answer that unfolds", () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const window = { params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: 24 } };
  const gzipped = gzipSync(zeros);
  it.each([
    // 1 GiB: the members of a gzip file are one after the other.
    ["gzip", Buffer.concat(Array<Buffer>(15).fill(gzipped))],
    ["deflate", deflateSync(zeros)],
    ["br", brotliCompressSync(zeros, window)],
    ["zstd", zstdCompressSync(zeros)],
  ])("to more than the limit is refused, and is never in memory: %s", async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(1024 * 1024);
    const url = await sending(answer(bomb, { "content-encoding": encoding }));
    const before = process.resourceUsage().maxRSS;
    expect(await call(url)).toMatchObject(tooLarge);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(32 * 1024); // KiB
  });

  it.each([
    ["gzip", (data: Buffer) => gzipSync(data)],
    ["x-gzip", (data: Buffer) => gzipSync(data)],
    ["GZIP", (data: Buffer) => gzipSync(data)],
    ["deflate", (data: Buffer) => deflateSync(data)],
    ["deflate", (data: Buffer) => deflateRawSync(data)],
    ["br", (data: Buffer) => brotliCompressSync(data)],
    ["zstd", (data: Buffer) => zstdCompressSync(data)],
    ["identity", (data: Buffer) => data],
  ])("to what fits is read: %s", async (encoding, encode) => {
    const text = JSON.stringify({ text: "ä".repeat(1_000) });
    const url = await sending(answer(encode(Buffer.from(text)), { "content-encoding": encoding }));
    expect((await call(url)).output).toEqual(JSON.parse(text));
    expect(
      (await call(await sending(answer(encode(Buffer.alloc(1024 * 1024, "1")), { "content-encoding": encoding }))))
        .error,
    ).toBeNull();
  });

  it.each(["gzip", "deflate", "br", "zstd"])("and is not encoded as it says is refused: %s", async (encoding) => {
    const url = await sending(answer('{"plain":"text"}', { "content-encoding": encoding }));
    const message = new RegExp(`says that it is encoded as ${encoding} and cannot be decoded: `);
    expect(await call(url)).toMatchObject(failure("HTTP_FAILED", message, false));
  });

  it("and breaks off in the middle is refused", async () => {
    const half = gzipSync(Buffer.from(JSON.stringify("x".repeat(100)))).subarray(0, 20);
    const url = await sending(answer(half, { "content-encoding": "gzip" }));
    expect(await call(url)).toMatchObject(failure("HTTP_FAILED", /cannot be decoded: unexpected end of file/, false));
  });

  it.each(["gzip, gzip", "gzip, br", "compress", "aes128gcm", "__proto__", "constructor"])(
    "in a way that is not known is refused: %s",
    async (encoding) => {
      const url = await sending(answer(gzipSync("1"), { "content-encoding": encoding }));
      expect(await call(url)).toMatchObject(failure("HTTP_FAILED", /is encoded as ".+", of which only one of/, false));
    },
  );

  it("is told by its status if that is no success, with as much of it as can be read", async () => {
    const body = async (bytes: Buffer, encoding: string) =>
      (await call(await sending(answer(bytes, { "content-encoding": encoding }, "500 Oh")))).record.output;
    expect(await body(gzipSync("why"), "gzip")).toEqual({ status: 500, body: "why" });
    expect(await body(gzipped, "gzip")).toMatchObject({ status: 500 });
    expect(await body(Buffer.from("plain"), "gzip")).toEqual({ status: 500, body: "" });
    expect(await body(Buffer.from("odd"), "compress")).toEqual({ status: 500, body: "" });
  });

  it("while it is made is cut off, however long that goes on", async () => {
    const url = await onRequest((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n");
      const gzip = createGzip({ level: 0 });
      gzip.on("error", () => undefined);
      gzip.on("data", (chunk: Buffer) => void (socket.writable && socket.write(chunk)));
      socket.on("close", () => gzip.destroy());
      const more = (): void => void (gzip.destroyed || gzip.write(Buffer.alloc(65_536), () => setImmediate(more)));
      more();
    });
    expect(await call(url)).toMatchObject(tooLarge);
  });
});

describe("an answer that is not UTF-8", () => {
  const bad = Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
    Buffer.from('"}'),
  ]);
  it.each([
    ["perform", "application/json"],
    ["check", "application/json"],
    ["check", "text/plain"],
  ] as const)("is refused where it has to be JSON: %s, %s", async (phase, type) => {
    const result = await call(await sending(answer(bad, { "content-type": type })), { phase });
    const message = "the function answered something that is not JSON: its bytes are not UTF-8";
    expect(result).toMatchObject(failure("HTTP_FAILED", message, false));
    expect(result.record.output).toMatch(/^\{"a":"\ufffd+"\}$/);
  });

  it("is text with what is readable of it where it says that it is text", async () => {
    const { output } = await call(await sending(answer(bad, { "content-type": "text/plain" })));
    expect(output).toMatch(/^\{"a":"\ufffd+"\}$/);
  });

  it("is read if it only begins with a byte order mark", async () => {
    expect((await call(await sending(answer(Buffer.from("\ufeff[1]"))))).output).toEqual([1]);
  });
});

describe("a server that breaks off", () => {
  it.each([
    ["at once", () => listen((socket) => void socket.resetAndDestroy())],
    ["after the request", () => onRequest((socket) => void socket.resetAndDestroy())],
    ["politely after the request", () => sendingAndClosing("")],
    ["in the middle of its headers", () => sendingAndClosing("HTTP/1.1 200 OK\r\ncontent-le")],
    ["in the middle of its body", () => sendingAndClosing('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"a')],
    [
      "in the middle of a chunk",
      () => sendingAndClosing('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"a'),
    ],
    [
      "before the last chunk",
      () => sendingAndClosing("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n"),
    ],
    [
      "by a reset in the middle of its headers",
      () => onRequest((socket) => void socket.write("HTTP/1.1 200 OK\r\na: b", () => socket.resetAndDestroy())),
    ],
    [
      "by a reset in the middle of its body",
      () =>
        onRequest(
          (socket) =>
            void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1", () => socket.resetAndDestroy()),
        ),
    ],
  ])("%s gave no answer, and may give one the next time", async (_, serve) => {
    expect(await call(await serve())).toMatchObject(failure("HTTP_FAILED", /gave no answer: ./, true));
  });
});

describe("a server that does not keep to the protocol", () => {
  it.each([
    ["speaks something else", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["speaks HTTP/0.9", "<html>hello</html>"],
    ["speaks HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["has a status that is none", "HTTP/1.1 abc OK\r\n\r\n"],
    ["tells two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12"],
    ["tells a length below zero", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["tells a length that no number holds", `HTTP/1.1 200 OK\r\ncontent-length: ${"9".repeat(40)}\r\n\r\n`],
    [
      "has a chunk that is too long for anything",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
    ["has a chunk of no length", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"],
    [
      "changes the protocol unasked",
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    ],
    ["has a header with a line break in it", "HTTP/1.1 200 OK\r\na\nb: c\r\n\r\n"],
    ["has a header with a zero in it", "HTTP/1.1 200 OK\r\na: b\u0000c\r\n\r\n"],
  ])("and %s gave no answer", async (_, bytes) => {
    expect(await call(await sendingAndClosing(bytes))).toMatchObject(failure("HTTP_FAILED", /gave no answer: ./, true));
  });

  it("and sends a body with a 204 has answered nothing, and the next call has an answer of its own", async () => {
    const url = await sending('HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\n"extra"');
    expect(await call(url)).toMatchObject({ output: null, error: null });
    expect(await call(url)).toMatchObject({ output: null, error: null });
  });

  it("and sends more than it said has answered what it said", async () => {
    const url = await sending('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n"a""b"');
    expect(await call(url)).toMatchObject({ output: "a", error: null });
  });

  it("and answers twice has answered once", async () => {
    const url = await sending(Buffer.concat([answer('"one"'), answer('"two"')]));
    expect((await call(url)).output).toBe("one");
  });

  it("and answers before it was asked is not listened to", async () => {
    const url = await listen((socket) => void socket.write(answer('"early"')));
    const { error, output } = await call(url);
    expect(output ?? error?.code).toMatch(/^early$|^HTTP_FAILED$/);
  });
});

describe("one origin", () => {
  it("is called over so many connections at most, and whoever waits has its limit running", async () => {
    const few = createHttpClient({ allow: parseAllowList("127.0.0.1"), connections: 3 });
    stops.push(() => few.close());
    const waiting: Socket[] = [];
    let most = 0;
    let letGo = false;
    const url = await listen((socket) => {
      socket.on("data", () => {
        if (letGo) return void socket.write(answer("1"));
        waiting.push(socket);
        most = Math.max(most, waiting.length);
      });
    });
    const calls = Array.from({ length: 10 }, () => call(url, { with: few }));
    await expect.poll(() => waiting.length).toBe(3);
    const late = await call(url, { with: few, timeoutMs: 50, limits: { connectMs: 20 } });
    expect(late.error?.message).toBe("perform took longer than its limit of 50 ms");

    letGo = true;
    for (const socket of waiting.splice(0)) socket.write(answer("1"));
    for (const result of await Promise.all(calls)) expect(result.output).toBe(1);
    expect(most).toBe(3);
  });
});
