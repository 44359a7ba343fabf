import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSandboxPool } from "./sandbox-pool.ts";
import { openSandboxKit, type SandboxKit } from "./test-sandbox.ts";

let kit: SandboxKit;
let server: Server;
let host: string;
let seen: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  kit = openSandboxKit();
  server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    seen.push({ method, url, headers, body: await text(request) });
    const [, kind, argument = ""] = url.split("/");
    if (kind === "to") response.writeHead(302, { location: decodeURIComponent(argument) }).end();
    else if (kind === "loop") response.writeHead(307, { location: "/loop" }).end();
    else if (kind === "large") response.end("x".repeat(1024 * 1024 + 1));
    else if (kind === "hang") return;
    else response.writeHead(kind === "404" ? 404 : 200, { "x-answer": "yes" }).end(JSON.stringify({ n: 1 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await kit.close();
  server.closeAllConnections();
  server.close();
});

const output = async (...args: Parameters<SandboxKit["call"]>) => {
  const result = await kit.call(...args);
  expect(result.error).toBeNull();
  return result.output;
};

describe("what a source may look like", () => {
  const HANDLER = `
    const checkCondition = async () => true;
    const doWork = async () => undefined;
    export async function handler(event) {
      const { phase, automation_job } = event;
      if (phase === "check") {
        const shouldRun = await checkCondition();
        return { shouldPerform: shouldRun, performPayload: { timestamp: Date.now(), reason: "condition met" } };
      }
      if (phase === "perform") {
        await doWork(event);
        return { success: true, job: automation_job.length, reason: event.reason };
      }
    }`;

  it("one handler for both phases", async () => {
    const reason = "condition met";
    expect(await output(HANDLER, { phase: "check" })).toMatchObject({
      shouldPerform: true,
      performPayload: { reason },
    });
    expect(await output(HANDLER, { event: { reason } })).toEqual({ success: true, job: 36, reason });
  });

  it("a function for each phase, with a context", async () => {
    const source = `
      export const check = (event, context) => ({ shouldPerform: context.payload.city === "Ulm" });
      export const perform = (event, context) => [
        Object.keys(context).sort(), context.scheduledFor.getTime(), event.belfry.payload, context.attempt,
      ];`;
    expect(await output(source, { phase: "check", payload: { city: "Ulm" } })).toEqual({ shouldPerform: true });
    expect(await output(source, { payload: 7 })).toEqual([
      ["attempt", "executionId", "jobId", "logger", "payload", "scheduledFor", "trigger"],
      Date.parse("2026-11-20T09:00:00Z"),
      7,
      1,
    ]);
  });

  it("a default export made by defineFunction", async () => {
    const source = `
      import { defineFunction, PermanentError } from "@belfry/functions";
      export default defineFunction({ name: "mine", perform: () => { throw new PermanentError("no use", { cause: 1 }); } });`;
    const failed = await kit.call(source);
    expect(failed).toMatchObject({ error: { code: "FUNCTION_ERROR", message: "no use" }, retryable: false });
    expect(failed.record.logs.join()).toContain("function.js:3");
  });
});

describe("what there is besides the language", () => {
  it("console, whose lines are the logs of the phase", async () => {
    const source = `export function perform(event, { logger }) {
      console.log("a", { b: [1, null] }, 2n, undefined);
      console.error(new TypeError("wrong"));
      logger.warn("c");
    }`;
    const { record } = await kit.call(source);
    expect(record.output).toBeNull();
    expect(record.logs[0]).toBe('info a {"b":[1,null]} 2 undefined');
    expect(record.logs[1]).toMatch(/^error TypeError: wrong\n {4}at perform \(function\.js:3/);
    expect(record.logs[2]).toBe("warn c");
  });

  it("random numbers and ids of its own in every call", async () => {
    const source = "export const perform = () => [Math.random(), crypto.randomUUID(), Math.random()];";
    const [a, b] = [await output(source), await output(source)] as [unknown[], unknown[]];
    expect(new Set([...a, ...b]).size).toBe(6);
    for (const n of [a[0], b[0], a[2]]) expect(n).toSatisfy((x: number) => x >= 0 && x < 1);
  });

  it("UTF-8 and base64, as Node has them", async () => {
    const words = ["", "a", "ab", "abc", "añ€😀", "\ud800x", "x\udc00"];
    const bytes = [
      [0xc3],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
      [0xc0, 0x80],
      [0xff, 65],
      [0xed, 0xa0, 0x80],
      [0xe2, 0x28, 0xa1],
    ];
    const source = `export const perform = ({ belfry: { payload: { words, bytes } } }) => ({
      encoded: words.map((word) => [...new TextEncoder().encode(word)]),
      decoded: words.map((word) => new TextDecoder().decode(new TextEncoder().encode(word))),
      broken: bytes.map((one) => new TextDecoder().decode(new Uint8Array(one))),
      base64: ["", "a", "ab", "abc", "hell\\u00f6"].map((word) => [btoa(word), atob(btoa(word))]),
    });`;
    const node = (word: string) => Buffer.from(word.toWellFormed());
    expect(await output(source, { payload: { words, bytes } })).toEqual({
      encoded: words.map((word) => [...node(word)]),
      decoded: words.map((word) => node(word).toString()),
      broken: bytes.map((one) => Buffer.from(one).toString()),
      base64: ["", "a", "ab", "abc", "hell\u00f6"].map((word) => [btoa(word), word]),
    });
  });

  it("and nothing else", async () => {
    const source =
      "export const perform = () => Object.getOwnPropertyNames(globalThis).filter((name) => /^[a-z]/.test(name)).sort();";
    expect(await output(source)).toEqual([
      "atob",
      "btoa",
      "console",
      "crypto",
      "decodeURI",
      "decodeURIComponent",
      "encodeURI",
      "encodeURIComponent",
      "escape",
      "eval",
      "fetch",
      "globalThis",
      "isFinite",
      "isNaN",
      "parseFloat",
      "parseInt",
      "undefined",
      "unescape",
    ]);
  });
});

describe("fetch", () => {
  const fetching = (init: string, then = "[r.status, r.ok, await r.text(), r.headers.get('X-Answer'), r.url]") =>
    `export async function perform({ to }) { const r = await fetch(to, ${init}); return ${then}; }`;

  it("asks a host that the function lists, with method, headers and body", async () => {
    seen = [];
    const source = fetching("{ method: 'post', headers: { 'X-Mine': 'a' }, body: JSON.stringify({ b: 1 }) }");
    const to = `http://${host}/json`;
    expect(await output(source, { event: { to }, hosts: [host] })).toEqual([200, true, '{"n":1}', "yes", to]);
    expect(seen).toMatchObject([{ method: "POST", url: "/json", body: '{"b":1}', headers: { "x-mine": "a" } }]);
    expect(
      await output(fetching("{}", "[r.status, r.ok, await r.json()]"), {
        event: { to: `http://${host}/404` },
        hosts: [host],
      }),
    ).toEqual([404, false, { n: 1 }]);
  });

  it("follows redirects to listed hosts only, and not for ever", async () => {
    const port = host.split(":")[1];
    const elsewhere = encodeURIComponent(`http://localhost:${port}/json`);
    const call = (path: string, hosts: string[]) =>
      kit.call(fetching("{ headers: { authorization: 'secret' } }", "r.url"), {
        event: { to: `http://${host}${path}` },
        hosts,
      });
    seen = [];
    expect(await call(`/to/${elsewhere}`, [host])).toMatchObject({
      error: { code: "TARGET_BLOCKED", message: expect.stringContaining("localhost") },
      retryable: false,
    });
    expect(seen.map(({ url }) => url)).toEqual([`/to/${elsewhere}`]);
    expect((await call(`/to/${elsewhere}`, [host, `localhost:${port}`])).output).toBe(`http://localhost:${port}/json`);
    expect(seen.at(-1)?.headers.authorization).toBeUndefined();
    expect((await call("/loop", [host])).error).toMatchObject({
      code: "FUNCTION_ERROR",
      message: "fetch: more than 3 redirects",
    });
  });

  it("refuses answers and requests that are too large", async () => {
    const large = await kit.call(fetching("{}"), { event: { to: `http://${host}/large` }, hosts: [host] });
    expect(large.error?.message).toBe("fetch: the answer is larger than 1048576 bytes");
    const body = await kit.call(fetching("{ method: 'POST', body: 'x'.repeat(1048577) }"), {
      event: { to: `http://${host}/` },
      hosts: [host],
    });
    expect(body.error?.message).toBe("fetch: the body is larger than 1048576 bytes");
  });

  it("is stopped with its phase, and the process goes on", async () => {
    const hung = await kit.call(fetching("{}"), {
      event: { to: `http://${host}/hang` },
      hosts: [host],
      timeoutMs: 200,
    });
    expect(hung.error).toEqual({ code: "TIMEOUT", message: "perform took longer than its limit of 200 ms" });
    expect(await output("export const perform = () => 1;")).toBe(1);
  });

  it("is done six at a time and twenty times at most", async () => {
    let [now, most] = [0, 0];
    const slow = createServer((_, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now -= 1;
        response.end("{}");
      }, 20);
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const at = `127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const source = `export async function perform() {
      const all = await Promise.allSettled(Array.from({ length: 23 }, () => fetch("http://${at}/")));
      return all.map(({ reason }) => reason?.message ?? "ok");
    }`;
    const answers = (await output(source, { hosts: [at] })) as string[];
    expect(answers.filter((one) => one === "ok")).toHaveLength(20);
    expect(answers.filter((one) => one.includes("more than 20"))).toHaveLength(3);
    expect(most).toBe(6);
    slow.close();
  });
});

describe("how it ends", () => {
  it("with what was thrown", async () => {
    expect(await kit.call("export function perform() { throw new Error('broken') }")).toMatchObject({
      error: { code: "FUNCTION_ERROR", message: "broken" },
      retryable: true,
    });
    expect((await kit.call("export const perform = () => { throw { odd: 1 } }")).error?.message).toBe(
      'threw {"odd":1}',
    );
    expect((await kit.call("throw new Error('at the top'); export const perform = 1")).error?.message).toBe(
      "at the top",
    );
  });

  it("at once if what it waits for can never come", async () => {
    const result = await kit.call("export const perform = () => new Promise(() => {});", { timeoutMs: 60_000 });
    expect(result).toMatchObject({
      error: { code: "FUNCTION_ERROR", message: expect.stringContaining("never come") },
      retryable: false,
    });
  });

  it("when it is cancelled, in the middle of a computation too", async () => {
    const cancel = new AbortController();
    const running = kit.call("export const perform = () => { console.log('here'); for (;;); };", {
      timeoutMs: 60_000,
      signal: cancel.signal,
    });
    await expect.poll(() => kit.pool.count().held).toBe(1);
    cancel.abort();
    expect((await running).error?.code).toBe("CANCELLED");
    await expect.poll(() => kit.pool.count().held).toBe(0);
    expect(await output("export const perform = () => 1;")).toBe(1);
  });

  it("keeps what was logged before the time was up", async () => {
    const { record } = await kit.call("export const perform = () => { console.log('so far'); for (;;); };", {
      timeoutMs: 150,
    });
    expect(record).toMatchObject({ error: { code: "TIMEOUT" }, logs: ["info so far"] });
  });

  it("by its limit of computing, for which waiting does not count", async () => {
    const spent = await kit.call("export const perform = () => { for (;;); };", { cpuMs: 50, timeoutMs: 10_000 });
    expect(spent.error).toEqual({ code: "TIMEOUT", message: "perform computed for longer than its limit of 50 ms" });
  });
});

it.each(["for (;;);", "for (;;) { try { for (;;); } catch {} finally { for (;;); } }"])(
  "the process itself says that the time was up: %s",
  async (body) => {
    const never = new AbortController().signal;
    const place = await kit.pool.enter("a", never);
    const outcome = await place.call({
      key: body,
      code: `export async function perform() { ${body} }`,
      event: JSON.stringify({ phase: "perform", belfry: { payload: {} } }),
      run: { executionId: "e", attempt: 1, jobId: "j", trigger: "manual", scheduledFor: "2026-11-20T09:00:00.000Z" },
      limits: { timeoutMs: 200, cpuMs: 5_000, memoryBytes: 32 * 1024 * 1024 },
      log: () => undefined,
      fetch: () => Promise.reject(new Error("nothing is fetched")),
      signal: never,
    });
    place.leave();
    expect(outcome).toMatchObject({ ok: false, reason: "time" });
  },
);

describe("the processes", () => {
  it("are not held by calls that wait for an answer, nor all of them by one account", async () => {
    const waiting = new AbortController();
    const source = `export const perform = () => fetch("http://${host}/hang");`;
    const hung = Array.from({ length: 12 }, () =>
      kit.call(source, { hosts: [host], timeoutMs: 60_000, account: "slow", signal: waiting.signal }),
    );
    await expect.poll(() => kit.pool.count().held, { timeout: 10_000 }).toBe(4);
    expect(await output("export const perform = () => 'mine';", { account: "other" })).toBe("mine");
    expect(await output("export const perform = () => 'mine';", { account: "other" })).toBe("mine");
    expect(kit.pool.count().held).toBe(4);
    waiting.abort();
    for (const { error } of await Promise.all(hung)) expect(error?.code).toBe("CANCELLED");
    expect(await output("export const perform = () => 1;", { account: "slow" })).toBe(1);
  });
});

describe("compiling", () => {
  it("takes types away and finds out whether there is a check", async () => {
    const source =
      'import { defineFunction, type PhaseEvent } from "@belfry/functions";\nexport default defineFunction({ perform: (event: PhaseEvent): number => 1 as number });';
    expect(await kit.pool.compile("a", source, "typescript")).toMatchObject({ ok: true, check: false });
    expect(await kit.pool.compile("a", "export function handler() {}", "javascript")).toMatchObject({
      ok: true,
      check: true,
    });
  });

  it.each([
    ["javascript", "const a = 1;\n  foo bar;", 2, 7, "expecting ';'"],
    ["typescript", "let a: number = ;\n", 1, 17, "Expression expected"],
    ["typescript", "const a = 1;\nenum X { A }", 2, 1, "enum is not supported"],
    ["javascript", "import fs from 'node:fs'; export const perform = 1", null, null, 'cannot import "node:fs"'],
    ["javascript", "export const performs = () => 1", null, null, "exports no handler"],
    ["javascript", "export const perform = () => 1; null.x", 1, 37, "cannot read property 'x' of null"],
    ["javascript", "export const perform = () => 1; for (;;);", null, null, "longer than"],
    ["javascript", "export const perform = () => 1; await fetch('http://a.b/')", null, null, "fetch is for handlers"],
    ["javascript", "(".repeat(200_000), null, null, "stack overflow"],
    ["typescript", "(".repeat(200_000), null, null, "nested too deeply"],
  ] as const)("refuses %s %.40j and says where", async (language, source, line, column, message) => {
    const outcome = await kit.pool.compile("a", source, language);
    expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining(message) });
    if (line !== null) expect(outcome).toMatchObject({ line, column });
  });

  it("goes on after a source that broke the compiler", async () => {
    const broken = await kit.pool.compile("a", `let a: number = ${"(".repeat(100_000)}`, "typescript");
    expect(JSON.stringify(broken)).not.toMatch(/Node|github/);
    expect(await kit.pool.compile("a", "export const perform = (a: string) => a;", "typescript")).toMatchObject({
      ok: true,
    });
  });
});

it("accounts take turns, however many calls of one were there first", async () => {
  const pool = createSandboxPool({ places: 1 });
  const order: string[] = [];
  const compile = async (account: string) => {
    await pool.compile(account, "export const perform = () => 1;", "javascript");
    order.push(account);
  };
  await Promise.all(["a", "a", "a", "b", "c", "b"].map(compile));
  expect(order.splice(0)).toEqual(["a", "b", "c", "a", "b", "a"]);
  // The first begins at once. One that comes again is behind one that never had a turn.
  await Promise.all(["a", "a", "b", "new"].map(compile));
  expect(order).toEqual(["a", "new", "b", "a"]);
  await pool.close();
});
