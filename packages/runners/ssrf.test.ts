/** What functions may not call they do not reach: not by any way to write it, not by a name, not by a redirect. */
import { createHook } from "node:async_hooks";
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { type DnsServer, startDnsServer } from "@belfry/testing/dns-server.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { parseAllowList, parsePorts } from "./allow-list.ts";
import { resolveBySystem } from "./guarded-connect.ts";
import { createHttpClient, type HttpClient, type HttpClientOptions } from "./http-client.ts";
import { performEvent, type Run } from "./phase-event.ts";
import { runPhase } from "./run-phase.ts";
import { NO_URLS, SSRF_NAMES, SSRF_URLS } from "./ssrf-urls.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "01928c3e-7a00-7000-8000-000000000001",
  attempt: 1,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "schedule",
  payload: null,
};

/** Listens on loopback, in both families, and counts who comes. */
let canaries: Server[];
let canaryPort: number;
let comers = 0;
/** Whatever this process tries to connect to, by TCP, wherever it is. */
let attempts = 0;
const watch = createHook({
  init(_, type) {
    if (type === "TCPCONNECTWRAP") attempts += 1;
  },
});

let dns: DnsServer;
const clients: HttpClient[] = [];

beforeAll(async () => {
  const v4 = createTcpServer(count).listen(0, "127.0.0.1");
  await once(v4, "listening");
  canaryPort = (v4.address() as AddressInfo).port;
  const v6 = createTcpServer(count).listen(canaryPort, "::1");
  await once(v6, "listening");
  canaries = [v4, v6];
  dns = await startDnsServer((name) => SSRF_NAMES[name] ?? (name.endsWith("v4-loopback.test") ? ["127.0.0.1"] : []));
  watch.enable();
});
afterAll(async () => {
  watch.disable();
  for (const canary of canaries) canary.close();
  await dns.close();
});
beforeEach(() => {
  comers = 0;
  attempts = 0;
});
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

function count(): void {
  comers += 1;
}

/** A client that asks the test's DNS server for names in `.test`. */
function clientWith(options: HttpClientOptions = {}): HttpClient {
  // Not every system knows "localhost.".
  const resolveName = (name: string) =>
    /\.test\.?$/.test(name) ? dns.resolveName(name.replace(/\.$/, "")) : resolveBySystem(name.replace(/\.$/, ""));
  const client = createHttpClient({ resolveName, ...options });
  clients.push(client);
  return client;
}

const call = (client: HttpClient, url: string, headers: Record<string, string> = {}) =>
  runPhase(
    { kind: "http", client, url, headers },
    { run, event: performEvent(run, {}), timeoutMs: 5_000, signal: new AbortController().signal },
  );

function withPorts(url: string): string {
  const { adminUrl, redisUrl } = inject("servers");
  return url
    .replaceAll("PORT", String(canaryPort))
    .replaceAll("POSTGRES", new URL(adminUrl).port)
    .replaceAll("REDIS", new URL(redisUrl).port || "6379");
}

const { "ports of public hosts that are not for HTTP": publicPorts = [], ...privateTargets } = SSRF_URLS;
const targets = Object.entries(privateTargets).flatMap(([what, urls]) => urls.map((url) => [what, url] as const));
const blocked = { error: { code: "TARGET_BLOCKED" }, output: null, retryable: false };

describe("a target that functions may not call", () => {
  it("is one of more than 200", () => {
    expect(targets.length + publicPorts.length).toBeGreaterThan(200);
    expect(new Set(targets.map(([, url]) => url)).size).toBe(targets.length);
  });

  it.each(Object.entries(privateTargets))("is blocked and not connected to, on any port: %s", async (_, urls) => {
    const client = clientWith({ ports: parsePorts("1-65535") });
    for (const url of urls) expect(await call(client, withPorts(url)), url).toMatchObject(blocked);
    expect({ comers, attempts }).toEqual({ comers: 0, attempts: 0 });
  });

  it.each(publicPorts)("is blocked and not connected to for its port alone: %s", async (url) => {
    expect(await call(clientWith(), url)).toMatchObject({
      ...blocked,
      error: { message: expect.stringMatching(/on port \d+, which is not among 80, 443, 8080, 8443/) },
    });
    expect(attempts).toBe(0);
  });

  it.each(NO_URLS)("is not connected to either if it is no URL: %s", async (url) => {
    const { error, retryable } = await call(clientWith({ ports: parsePorts("1-65535") }), withPorts(url));
    expect([error?.code, retryable]).toEqual(["HTTP_FAILED", false]);
    expect({ comers, attempts }).toEqual({ comers: 0, attempts: 0 });
  });

  it("is said to be blocked in words that do not tell its address", async () => {
    expect((await call(clientWith(), "http://private.test/")).error).toEqual({
      code: "TARGET_BLOCKED",
      message:
        "functions may not call private.test: it has a private address (what else they may call is set by BELFRY_HTTP_ALLOW)",
    });
  });
});

describe("a redirect", () => {
  let server: HttpServer;
  let location: string;
  let requests = 0;
  let port: number;
  beforeAll(async () => {
    server = createServer((_, response) => {
      requests += 1;
      response.writeHead(307, { location }).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(() => {
    requests = 0;
  });
  afterAll(() => server.close());

  it("to such a target is blocked like the target itself, whichever it is", async () => {
    const client = clientWith({ ports: parsePorts("1-65535"), allow: parseAllowList(`127.0.0.1:${port}`) });
    let redirects = 0;
    for (const [, url] of targets) {
      // In a header there is only ASCII, so it says where the URL leads.
      location = new URL(withPorts(url)).href;
      if (new URL(location).username) continue;
      redirects += 1;
      expect(await call(client, `http://127.0.0.1:${port}/`), url).toMatchObject(blocked);
    }
    expect(redirects).toBeGreaterThan(200);
    expect({ comers, requests }).toEqual({ comers: 0, requests: redirects });
    // Those that go to the server which redirects stay open.
    expect(attempts).toBeLessThanOrEqual(2);
  });
});

describe("a name that stands for another address each time it is asked for", () => {
  /** The first of these may be called, the second may not. */
  const addresses = ["127.0.0.1", "::1"] as const;
  let server: HttpServer;
  let port: number;
  let intruders: Server;
  let intrusions = 0;
  let requests = 0;
  let flips: DnsServer;
  beforeAll(async () => {
    server = createServer((_, response) => {
      requests += 1;
      response.writeHead(200, { connection: "close" }).end('"reached"');
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
    intruders = createTcpServer(() => (intrusions += 1)).listen(port, "::1");
    await once(intruders, "listening");
    flips = await startDnsServer((name, nth) =>
      name === "both.test" ? addresses : name === "flips.test" ? [addresses[nth % 2] as string] : [],
    );
  });
  beforeEach(() => {
    requests = 0;
  });
  afterAll(async () => {
    server.close();
    intruders.close();
    await flips.close();
  });
  const flipping = () =>
    clientWith({ allow: parseAllowList(`127.0.0.1:${port}`), resolveName: (name) => flips.resolveName(name) });

  it("is called at the address that was judged, and looked up once for it", async () => {
    const client = flipping();
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 20; i++) codes.push((await call(client, `http://flips.test:${port}/`)).error?.code);

    expect(codes).toEqual(Array.from({ length: 20 }, (_, i) => (i % 2 ? "TARGET_BLOCKED" : undefined)));
    expect({ lookups: flips.lookups("flips.test"), requests, intrusions }).toEqual({
      lookups: 20,
      requests: 10,
      intrusions: 0,
    });
  });

  it("is not called at all if one of its addresses may not be", async () => {
    const client = flipping();
    for (let i = 0; i < 5; i++) expect(await call(client, `http://both.test:${port}/`)).toMatchObject(blocked);
    expect({ requests, intrusions }).toEqual({ requests: 0, intrusions: 0 });
  });

  it("fails to be tried again if it stands for nothing", async () => {
    expect(await call(flipping(), `http://nothing.test:${port}/`)).toMatchObject({
      error: { code: "HTTP_FAILED", message: expect.stringContaining("ENOTFOUND") },
      retryable: true,
    });
  });
});

describe("the allow-list", () => {
  let server: HttpServer;
  let port: number;
  beforeAll(async () => {
    server = createServer((_, response) => response.end('"reached"')).listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => server.close());
  const reach = async (allow: string, host: string) => {
    const client = clientWith({ allow: parseAllowList(allow.replaceAll("PORT", String(port))) });
    const { output, error } = await call(client, `http://${host}:${port}/`);
    return error?.code ?? output;
  };

  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.0/8", "127.0.0.1"],
    ["127.0.0.0/8", "2130706433"],
    ["127.0.0.0/8", "[::ffff:127.0.0.1]"],
    ["127.0.0.1:PORT", "v4-loopback.test"],
    ["10.0.0.0/8, v4-loopback.test", "v4-loopback.test"],
    ["v4-loopback.test:PORT", "V4-LOOPBACK.test."],
    ["*.v4-loopback.test", "a.b.v4-loopback.test"],
    ["V4-Loopback.Test.", "v4-loopback.test"],
  ])("%s lets %s through", async (allow, host) => {
    expect(await reach(allow, host)).toBe("reached");
  });

  it.each([
    ["127.0.0.2", "127.0.0.1"],
    ["127.0.0.1:1", "127.0.0.1"],
    ["v4-loopback.test:1", "v4-loopback.test"],
    ["v4-loopback.test", "127.0.0.1"],
    ["v4-loopback.test", "a.v4-loopback.test"],
    ["*.v4-loopback.test", "v4-loopback.test"],
    ["loopback.test", "v4-loopback.test"],
    ["*.test:1", "v4-loopback.test"],
    ["[::]/0", "127.0.0.1"],
    ["[::1]", "v4-loopback.test"],
  ])("%s does not let %s through", async (allow, host) => {
    expect(await reach(allow, host)).toBe("TARGET_BLOCKED");
    expect(attempts).toBe(0);
  });

  it("does not let a name through to where clouds keep credentials, only their addresses", async () => {
    for (const name of ["metadata.test", "azure.test", "unspecified.test", "link-local.test"]) {
      expect(await reach("*.test", name)).toBe("TARGET_BLOCKED");
    }
    expect(attempts).toBe(0);
  });
});
