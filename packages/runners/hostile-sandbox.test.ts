/** What uploaded code may try: to get out, to stay in, to take all there is, and to spoil it for the next call. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openSandboxKit, type SandboxKit } from "./test-sandbox.ts";

const CANARY = "canary-3f9a51c7";

let kit: SandboxKit;
let folder: string;

beforeAll(async () => {
  process.env.BELFRY_TEST_CANARY = CANARY;
  folder = await mkdtemp(join(tmpdir(), "belfry-hostile-"));
  await writeFile(join(folder, "canary.txt"), CANARY);
  kit = openSandboxKit();
});
afterAll(async () => {
  await kit.close();
  delete process.env.BELFRY_TEST_CANARY;
  await rm(folder, { recursive: true });
});

/** After whatever it was, the next calls find the sandbox as it always is. */
afterEach(async () => {
  const source = `export const perform = () => ({
    own: [Object.keys(Object.prototype), Object.keys(Array.prototype), typeof leaked],
    works: [JSON.stringify({ a: [1] }), [3, 1, 2].sort().join(), String(Object.getPrototypeOf(async () => {}).constructor.name)],
  });`;
  const next = await Promise.all([kit.call(source, { account: "next" }), kit.call(source, { account: "next" })]);
  for (const { error, output } of next) {
    expect(error).toBeNull();
    expect(output).toEqual({ own: [[], [], "undefined"], works: ['{"a":[1]}', "1,2,3", "AsyncFunction"] });
  }
});

/** Calls it and looks for the canary in all that is recorded. */
async function attack(source: string, options: Parameters<SandboxKit["call"]>[1] = {}) {
  const result = await kit.call(source, { timeoutMs: 1_000, ...options });
  expect(JSON.stringify(result)).not.toContain(CANARY);
  return result;
}

/** The body of a perform. */
const perform = (body: string) => `export async function perform(event, context) { ${body} }`;

describe("ways out", () => {
  const GLOBALS =
    "typeof process + typeof require + typeof Buffer + typeof global + typeof Deno + typeof WebAssembly + typeof __dirname";
  const nothing = "undefined".repeat(7);

  it.each([
    ["a constructor", `return (function () {}).constructor("return " + ${JSON.stringify(GLOBALS)})()`],
    [
      "a constructor's constructor",
      `return context.logger.info.constructor.constructor("return " + ${JSON.stringify(GLOBALS)})()`,
    ],
    ["a constructor of what the host gave", `return fetch.constructor("return " + ${JSON.stringify(GLOBALS)})()`],
    [
      "a constructor of an error of the host",
      `try { await import("x") } catch (e) { return e.constructor.constructor("return " + ${JSON.stringify(GLOBALS)})() }`,
    ],
    ["eval", `return eval(${JSON.stringify(GLOBALS)})`],
    ["indirect eval", `return (0, eval)(${JSON.stringify(GLOBALS)})`],
    ["an async function", `return await (async () => {}).constructor("return " + ${JSON.stringify(GLOBALS)})()`],
    ["a generator", `return (function* () {}).constructor("yield " + ${JSON.stringify(GLOBALS)})().next().value`],
    ["the global this", `return (function () { return this === undefined })() && ${GLOBALS}`],
    ["a caller", `try { (function f() { return f.caller.constructor })() } catch {} return ${GLOBALS}`],
    [
      "a rejection of the host",
      `return await fetch("http://169.254.169.254/").catch((e) => e.constructor.constructor("return " + ${JSON.stringify(GLOBALS)})())`,
    ],
  ])("%s finds nothing of Node", async (_name, body) => {
    const { error, output } = await attack(perform(body));
    expect(error).toBeNull();
    expect(output).toBe(nothing);
  });

  it("no module can be imported", async () => {
    const modules = [
      "node:fs",
      "fs",
      "node:child_process",
      "process",
      "os",
      "std",
      "bjson",
      "./sandbox-vm.ts",
      "file:///etc/passwd",
      `${folder}/canary.txt`,
      "data:text/javascript,1",
      "http://127.0.0.1/",
      "@belfry/functions/../x",
    ];
    const { output } = await attack(
      perform(
        `return Promise.all(${JSON.stringify(modules)}.map((m) => import(m).then(() => "in", (e) => e.message)))`,
      ),
    );
    expect(output).toEqual(
      modules.map(
        (name) => `cannot import ${JSON.stringify(name)}: a sandbox has the module "@belfry/functions" and no other`,
      ),
    );
    for (const name of modules) {
      expect(
        (await attack(`import * as m from ${JSON.stringify(name)}; export const perform = () => Object.keys(m)`)).error
          ?.code,
      ).toBe("FUNCTION_ERROR");
    }
  });

  it("a stack trace and an error's text tell nothing of this machine", async () => {
    const { output } = await attack(
      perform(`
      const texts = [new Error("a").stack, String(fetch), String(context.logger.info)];
      for (const f of [() => null.x, () => import("x"), () => fetch({ toString() { throw new Error("b") } }), () => new Proxy({}, null)])
        try { await f() } catch (e) { texts.push(e.message, e.stack, JSON.stringify(Object.getOwnPropertyNames(e))) }
      return texts.join("\\n")`),
    );
    expect(output).not.toMatch(/\/root|\/home|node:|file:|packages|node_modules|\.ts\b|wasm/);
  });

  it("a host's process has no environment, and may open nothing", async () => {
    await kit.call(perform("return 1"));
    const pids = await childPids();
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) {
      const environ = await readFile(`/proc/${pid}/environ`, "utf8");
      expect(environ.split("\0").filter((line) => line && !line.startsWith("NODE_CHANNEL_"))).toEqual([]);
      const arguments_ = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
      expect(arguments_).toContain("--permission");
      expect(arguments_.filter((one) => /^--allow-(?!fs-read=\/)/.test(one))).toEqual([]);
    }
  });

  /** The hosts, as the system lists them. */
  async function childPids(): Promise<string[]> {
    const children = (await readFile(`/proc/self/task/${process.pid}/children`, "utf8")).trim().split(" ");
    const isHost = await Promise.all(
      children.map(async (pid) =>
        (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes("sandbox-host"),
      ),
    );
    return children.filter((_, index) => isHost[index]);
  }
});

describe("what is poisoned", () => {
  it.each([
    [
      "prototypes",
      "Object.prototype.leaked = 1; Array.prototype.leaked = 1; Object.prototype.then = (r) => r(2); return 1",
    ],
    [
      "accessors on prototypes",
      "Object.defineProperty(Object.prototype, 'ok', { get() { return false }, set() {} }); Object.defineProperty(Object.prototype, 'type', { value: 'done' }); return 1",
    ],
    ["globals", "globalThis.leaked = 1; JSON = Promise = Object = Math = Reflect = undefined; return 1"],
    ["JSON", 'JSON.stringify = () => \'{"type":"done"}\'; JSON.parse = () => ({}); return 1'],
    ["promises", "Promise.prototype.then = () => { throw 1 }; Promise.resolve = null; return 1"],
    [
      "strings and arrays",
      "String.prototype.slice = () => 'x'; Array.prototype[Symbol.iterator] = null; Array.prototype.push = null; return 1",
    ],
    [
      "iteration",
      "Map.prototype[Symbol.iterator] = Map.prototype.entries = null; Symbol.prototype.toString = null; return 1",
    ],
  ])("%s: the call answers, and the next one finds nothing of it", async (_name, body) => {
    const { error, output } = await attack(perform(body));
    expect(error ? error.code : output).toSatisfy((end: unknown) => end === 1 || end === 2 || end === "FUNCTION_ERROR");
  });

  it("what a module leaves behind is gone with its call", async () => {
    const source =
      "let n = 0; globalThis.leaked = (globalThis.leaked ?? 0) + 1; export const perform = () => [++n, leaked];";
    for (let i = 0; i < 4; i++) expect((await attack(source)).output).toEqual([1, 1]);
  });

  it("nothing of one call's memory is in the next one's", async () => {
    const secret = "s3cr3t-of-an-account";
    await attack(perform(`globalThis.keep = []; for (let i = 0; i < 2000; i++) keep.push("${secret}" + i); return 1`));
    const { output } = await attack(
      perform(`
      const blocks = Array.from({ length: 12 }, () => new Uint8Array(1024 * 1024));
      return blocks.reduce((n, block) => n + block.reduce((a, b) => a + (b ? 1 : 0), 0), 0)`),
      { timeoutMs: 20_000, cpuMs: 20_000 },
    );
    expect(output).toBe(0);
  });
});

describe("what never ends", () => {
  it.each([
    ["a loop", "for (;;);"],
    ["a generator", "function* all() { for (let i = 0; ; i++) yield i } for (const i of all()); "],
    ["an async generator", "async function* all() { for (;;) yield 1 } for await (const i of all());"],
    ["promises that make promises", "const again = () => Promise.resolve().then(again); await again()"],
    [
      "jobs after the answer",
      "const again = () => Promise.resolve().then(again); again(); await null; for (;;) await null",
    ],
    ["a regular expression", "return /^(a+)+$/.test('a'.repeat(40) + 'b')"],
    ["a sort that never agrees", "Array.from({ length: 1e5 }, Math.random).sort(() => { for (;;); })"],
    ["a getter", "return { get a() { for (;;); } }"],
    ["toJSON", "return { toJSON() { for (;;); } }"],
    ["toString of what is thrown", "throw { toJSON() { for (;;); } }"],
    ["a message that is a getter", "throw Object.defineProperty(new Error(), 'message', { get() { for (;;); } })"],
    ["a proxy", "return new Proxy({}, { ownKeys() { for (;;); } })"],
    ["a thenable", "return { then() { for (;;); } }"],
    ["catching and going on", "for (;;) { try { for (;;); } catch {} finally { for (;;); } }"],
    ["an endless import", "for (;;) await import('@belfry/functions')"],
    ["arithmetic on large numbers", "let n = 3n; for (;;) n = n * n % (2n ** 60000n)"],
    ["padding", "let s = 'a'; for (;;) s = s.padEnd(1e6, 'ab').slice(0, 1)"],
  ])("%s is stopped in time", async (_name, body) => {
    const { error } = await attack(perform(body), { timeoutMs: 300 });
    expect(error?.code).toBe("TIMEOUT");
  });

  it("at the top level of a module neither", async () => {
    expect((await attack("for (;;); export const perform = 1", { timeoutMs: 300 })).error?.code).toBe("TIMEOUT");
    expect(
      (await attack("export const perform = () => 1; await new Promise(() => {})", { timeoutMs: 60_000 })).error?.code,
    ).toBe("FUNCTION_ERROR");
  });

  it.each([
    ["a promise that nobody resolves", "await new Promise(() => {})"],
    ["a thenable that never settles", "return { then() {} }"],
    [
      "an answer that waits for itself",
      "const p = Promise.resolve().then(() => p); await new Promise((r) => p.then(() => {}, () => {}))",
    ],
  ])("%s is found out at once", async (_name, body) => {
    const { error, retryable } = await attack(perform(body), { timeoutMs: 60_000 });
    expect([error?.code, retryable]).toEqual(["FUNCTION_ERROR", false]);
  });

  it("work after the answer holds up nobody else", async () => {
    const source = perform(
      "(async () => { await null; await null; await null; for (;;) 'x'.repeat(1e6).normalize(); })(); return 1",
    );
    await Promise.all(Array.from({ length: 6 }, () => attack(source, { timeoutMs: 400 })));
  });
});

describe("what takes all there is", () => {
  it.each([
    ["recursion", "const f = () => f() + 1; return f()"],
    ["recursion over JSON", "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a)"],
    ["a deep source", "return eval('['.repeat(1e5))"],
    ["a deep regular expression", "return new RegExp('('.repeat(1e5) + ')'.repeat(1e5))"],
    ["recursion through getters and proxies", "const p = new Proxy({}, { get: (t, k, r) => r[k] }); return p.x"],
    ["recursion in toString", "const o = { toString: () => String(o) }; return String(o)"],
  ])("%s overflows its own stack only", async (_name, body) => {
    const { error } = await attack(perform(body), { timeoutMs: 10_000, cpuMs: 10_000 });
    expect(error?.code).toBe("FUNCTION_ERROR");
  });

  it.each([
    ["a string", "let s = 'x'; for (;;) s += s; "],
    ["strings", "const all = []; for (;;) all.push('x'.repeat(1e5) + all.length)"],
    ["an array", "const all = []; for (;;) all.push(all.length)"],
    ["arrays", "return Array.from({ length: 1e9 }, () => 1)"],
    ["buffers", "const all = []; for (;;) all.push(new ArrayBuffer(1 << 20))"],
    ["one large buffer", "return new Uint8Array(2 ** 31 - 1).length"],
    ["a map", "const all = new Map(); for (let i = 0; ; i++) all.set(i, {})"],
    ["closures", "let f = () => 0; for (;;) { const g = f; f = () => g; }"],
    ["promises", "const all = []; for (;;) all.push(new Promise(() => {}))"],
    ["jobs", "for (;;) Promise.resolve().then(() => {})"],
    ["symbols", "const all = []; for (let i = 0; ; i++) all.push(Symbol.for('x'.repeat(1000) + i))"],
  ])("%s end at the limit of memory, or of time", async (_name, body) => {
    const { error } = await attack(perform(body), { timeoutMs: 4_000, memoryMb: 16 });
    expect(["FUNCTION_CRASHED", "TIMEOUT", "FUNCTION_ERROR"]).toContain(error?.code);
    if (error?.code === "FUNCTION_CRASHED")
      expect(error.message).toBe("perform used more memory than its limit of 16 MiB");
  });

  it("what exceeds its memory is told so, and is not tried again", async () => {
    const result = await attack(perform("const all = []; for (;;) all.push(new ArrayBuffer(1 << 20))"), {
      memoryMb: 16,
      timeoutMs: 20_000,
      cpuMs: 20_000,
    });
    expect(result).toMatchObject({ error: { code: "FUNCTION_CRASHED" }, retryable: false });
  });

  it.each([8, 32])("what runs out of %d MB in the jobs of promises is told so, too", async (memoryMb) => {
    const source = perform("const f = () => Promise.resolve().then(f); f(); return new Promise(() => {})");
    const { error } = await attack(source, { memoryMb, timeoutMs: 20_000, cpuMs: 20_000 });
    expect(error).toEqual({
      code: "FUNCTION_CRASHED",
      message: `perform used more memory than its limit of ${memoryMb} MiB`,
    });
  });

  it("what is stuck with memory to spare is not taken for one that ran out of it", async () => {
    const source = perform("const kept = new Uint8Array(5 * 1024 * 1024).fill(1); await new Promise(() => kept)");
    expect((await attack(source, { memoryMb: 8 })).error?.message).toContain("can never come");
  });

  it("has the memory that its limit says", async () => {
    const source = perform("return new ArrayBuffer(20 * 1024 * 1024).byteLength");
    expect((await attack(source, { memoryMb: 16 })).error?.code).toBe("FUNCTION_CRASHED");
    expect((await attack(source, { memoryMb: 32 })).output).toBe(20 * 1024 * 1024);
  });

  it("a large answer, and a deep one, are cut or refused", async () => {
    expect((await attack(perform("return 'x'.repeat(2e6)"))).error?.message).toContain("larger than 1048576 bytes");
    expect((await attack(perform("return 'x'.repeat(1e6)"))).record.output).toMatchObject({ truncated: true });
    expect(
      (await attack(perform("let a = []; for (let i = 0; i < 500; i++) a = [a]; return a"))).record.output,
    ).toMatchObject({ truncated: true });
  });

  it("endless output is cut", async () => {
    const { record } = await attack(perform("for (;;) console.log('line after line')"), { timeoutMs: 400 });
    expect(record.logs.length).toBeLessThanOrEqual(1_000);
    const long = await attack(perform("console.log('x'.repeat(1e6)); for (let i = 0; i < 2000; i++) console.log(i)"));
    expect(Buffer.byteLength(long.record.logs.join(""))).toBeLessThanOrEqual(64 * 1024);
    expect(long.record.logs.at(-1)).toMatch(/^warn \[log cut: \d+ lines, \d+ bytes\]$/);
  });
});

describe("traps", () => {
  it.each([
    ["a toJSON that throws", "return { toJSON() { throw new Error('trap') } }", "FUNCTION_ERROR"],
    ["a cycle", "const a = {}; a.a = a; return a", "FUNCTION_ERROR"],
    ["a BigInt", "return 1n", "FUNCTION_ERROR"],
    ["a getter that throws null", "return { get a() { throw null } }", "FUNCTION_ERROR"],
    [
      "an error whose message throws",
      "throw Object.defineProperty(new Error(), 'message', { get() { throw 1 } })",
      "FUNCTION_ERROR",
    ],
    [
      "an error that is a proxy",
      "throw new Proxy(new Error('a'), { get() { throw 1 }, getPrototypeOf() { throw 1 }, has() { throw 1 } })",
      "FUNCTION_ERROR",
    ],
    ["a revoked proxy", "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy", "FUNCTION_ERROR"],
    ["an endless chain of causes", "const e = new Error('a'); e.cause = e; throw e", "FUNCTION_ERROR"],
    ["Symbol.toPrimitive", "throw { [Symbol.toPrimitive]() { throw 1 } }", "FUNCTION_ERROR"],
    [
      "Symbol.hasInstance and species",
      "Object.defineProperty(Error, Symbol.hasInstance, { value() { throw 1 } }); throw new Error('a')",
      "FUNCTION_ERROR",
    ],
    ["a then that throws", "return { get then() { throw new Error('a') } }", "FUNCTION_ERROR"],
    ["throwing nothing", "throw undefined", "FUNCTION_ERROR"],
    ["throwing a symbol", "throw Symbol('a')", "FUNCTION_ERROR"],
  ])("%s is an error like any other", async (_name, body, code) => {
    expect((await attack(perform(body))).error?.code).toBe(code);
  });

  it("what Postgres could not store is replaced", async () => {
    const { record } = await attack(perform("console.log('a\\u0000b\\ud800'); return { 'k\\u0000': '\\udfff' }"));
    expect(record).toMatchObject({ logs: ["info a\ufffdb\ufffd"], output: { "k\ufffd": "\ufffd" } });
  });

  it("a key __proto__ stays a key, and changes nothing", async () => {
    const { output } = await attack(perform('return JSON.parse(\'{"__proto__":{"leaked":1}}\')'));
    expect(JSON.stringify(output)).toBe('{"__proto__":{"leaked":1}}');
    expect(({} as Record<string, unknown>).leaked).toBeUndefined();
  });
});

describe("fetch", () => {
  it("reaches nothing that is not listed, in any spelling", async () => {
    let connections = 0;
    const canary = createTcpServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
    const { port } = canary.address() as AddressInfo;
    const hosts = [
      "127.0.0.1",
      "localhost",
      "0x7f000001",
      "2130706433",
      "127.1",
      "0177.0.0.1",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "0",
      "127.0.0.1.",
      "LOCALHOST",
      "127.0.0.1%2eallowed.example",
      "allowed.example@127.0.0.1",
      "allowed.example%40127.0.0.1",
      "allowed.example#@127.0.0.1",
      "evil-allowed.example",
      "allowed.example.evil.test",
    ];
    const urls = [
      ...hosts.map((host) => `http://${host}:${port}/`),
      "file:///etc/passwd",
      `file://${folder}/canary.txt`,
      "data:text/plain,a",
      "ftp://127.0.0.1/",
      "unix:/var/run/docker.sock",
      "http://",
      "//127.0.0.1/",
      "javascript:1",
      "http://allowed.example:22/",
    ];
    const { output, error } = await attack(
      perform(
        `return Promise.all(event.urls.slice(0, 20).map((u) => fetch(u).then(() => "in", (e) => e.name + " " + e.code)))`,
      ),
      { event: { urls }, hosts: ["allowed.example", "*.sub.allowed.example"], timeoutMs: 5_000 },
    );
    expect(error).toBeNull();
    for (const end of output as string[]) expect(end).toMatch(/^TypeError (TARGET_BLOCKED|FETCH_FAILED)$/);
    const rest = await attack(
      perform(
        `return Promise.all(event.urls.slice(20).map((u) => fetch(u).then(() => "in", (e) => e.name + " " + e.code)))`,
      ),
      { event: { urls }, hosts: ["allowed.example"] },
    );
    for (const end of rest.output as string[]) expect(end).toMatch(/^TypeError (TARGET_BLOCKED|FETCH_FAILED)$/);
    expect(connections).toBe(0);
    canary.close();
  });

  it("reaches no private address, though it is listed, unless the deployment allows it", async () => {
    let connections = 0;
    const canary = createTcpServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
    const { port } = canary.address() as AddressInfo;
    const guarded = openSandboxKit({ allow: [] });
    for (const host of ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "169.254.169.254"]) {
      const listed = new URL(`http://${host}:${port}`).host;
      const source = perform(`return fetch("http://${host}:${port}/").then(() => "in")`);
      expect((await guarded.call(source, { hosts: [listed] })).error?.code).toBe("TARGET_BLOCKED");
    }
    expect(connections).toBe(0);
    await guarded.close();
    canary.close();
  });

  it("sets no header of the connection, and cuts no request in two", async () => {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
      response.end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const inits = [
      { headers: { "x-a": "b\r\nx-injected: 1" } },
      { headers: { "x-a\r\nx-injected": "1" } },
      { headers: { Host: "internal" } },
      { headers: { "Content-Length": "0" }, method: "POST", body: "GET /smuggled HTTP/1.1" },
      { headers: { "Transfer-Encoding": "chunked" } },
      { headers: { Connection: "upgrade", Upgrade: "websocket" } },
      { method: "GET / HTTP/1.1\r\nx-injected: 1\r\n\r\nGET" },
      { method: "CONNECT" },
      { method: "TRACE" },
      { headers: [["x-a"], 7, null] },
      { headers: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`x-${i}`, "1"])) },
    ];
    const { output } = await attack(
      perform(
        `return Promise.all(event.inits.map((init) => fetch("http://${at}/x", init).then(() => "sent", (e) => e.code)))`,
      ),
      { event: { inits } as never, hosts: [at] },
    );
    expect(output).toEqual(inits.map(() => "FETCH_FAILED"));
    const paths = await attack(
      perform(
        `return Promise.all(["/a\\r\\nx-injected: 1", "/b HTTP/1.1\\r\\n\\r\\n", "/\\u0000"].map((p) => fetch("http://${at}" + p).then(() => "sent", (e) => e.code)))`,
      ),
      { hosts: [at] },
    );
    expect(paths.error).toBeNull();
    for (const request of requests) expect(request).not.toMatch(/x-injected: 1|"x-injected"|smuggled/i);
    server.close();
  });

  it("cannot be made to answer somebody else's call, nor after its own is over", async () => {
    const server = createServer((_, response) => void setTimeout(() => response.end('"late"'), 100));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const left = await attack(perform(`for (let i = 0; i < 20; i++) fetch("http://${at}/"); return 1`), {
      hosts: [at],
    });
    expect(left.output).toBe(1);
    expect((await attack(perform("return new Promise(() => {})"))).error?.code).toBe("FUNCTION_ERROR");
    server.closeAllConnections();
    server.close();
  });
});

it("a host that is killed fails its own call, and another one takes its place", async () => {
  const native = perform("let n = 2n ** 900000n; n = n * n * n * n; for (;;) n = (n * n) >> 2000000n;");
  const siblings = Array.from({ length: 20 }, () =>
    kit.call(perform("return 'well'"), { account: "sibling", timeoutMs: 20_000 }),
  );
  const hostile = await attack(native, { timeoutMs: 300, memoryMb: 64 });
  expect(["TIMEOUT", "FUNCTION_CRASHED", "FUNCTION_ERROR"]).toContain(hostile.error?.code);
  for (const sibling of await Promise.all(siblings)) expect(sibling).toMatchObject({ error: null, output: "well" });
});
