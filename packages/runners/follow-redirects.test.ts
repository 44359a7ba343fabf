import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { TEST_CERTIFICATE } from "@belfry/testing/certificate.ts";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { parseAllowList } from "./allow-list.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { performEvent, type Run } from "./phase-event.ts";
import { runPhase } from "./run-phase.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "01928c3e-7a00-7000-8000-000000000001",
  attempt: 1,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "schedule",
  payload: null,
};
const SECRET = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;

let client: HttpClient;
const usualCas = getCACertificates("default");
beforeAll(() => {
  setDefaultCACertificates([TEST_CERTIFICATE.cert]);
  client = createHttpClient({ allow: parseAllowList("127.0.0.1") });
});
afterAll(async () => {
  setDefaultCACertificates(usualCas);
  await client.close();
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Request = { method: string; path: string; headers: IncomingHttpHeaders; body: string };

/** A server, and what it was asked. */
async function serve(listener: RequestListener, tls = false): Promise<{ origin: string; requests: Request[] }> {
  const requests: Request[] = [];
  const noting: RequestListener = async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    requests.push({ method, path, headers, body: await text(request) });
    listener(request, response);
  };
  const server = tls ? createTlsServer(TEST_CERTIFICATE, noting) : createServer(noting);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const answering = () => serve((_, response) => response.end('"here"'));
/** A server that redirects to what `to` says. */
const redirecting = (to: (path: string) => string | undefined, status = 307, tls = false) =>
  serve((request, response) => {
    const location = to(request.url ?? "");
    if (location === undefined) response.end('"here"');
    else response.writeHead(status, { location }).end("elsewhere");
  }, tls);

const call = (url: string, headers: Record<string, string> = {}) =>
  runPhase(
    { kind: "http", client, url, headers, secrets: () => [SECRET] },
    { run, event: performEvent(run, {}), timeoutMs: 5_000, signal: new AbortController().signal },
  );

it.each([307, 308])("%i is followed with the same method and body, signed anew", async (status) => {
  const there = await answering();
  const here = await redirecting(() => `${there.origin}/there?a=1`, status);

  expect((await call(`${here.origin}/`)).output).toBe("here");
  expect(there.requests).toMatchObject([{ method: "POST", path: "/there?a=1", body: here.requests[0]?.body }]);
  const [{ headers, body }] = there.requests as [Request];
  expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toMatchObject({ phase: "perform" });
});

it("a path is followed on the same server, three times", async () => {
  const { origin, requests } = await redirecting((path) =>
    path === "/3" ? undefined : `./${Number(path.slice(1)) + 1}`,
  );

  expect((await call(`${origin}/0`)).output).toBe("here");
  expect(requests.map(({ path }) => path)).toEqual(["/0", "/1", "/2", "/3"]);
});

it("a fourth is not followed, and so a circle ends", async () => {
  const { origin, requests } = await redirecting(() => "/");

  expect(await call(origin)).toMatchObject({
    error: { code: "HTTP_STATUS", message: "HTTP 307 Temporary Redirect (more than 3 redirects are not followed)" },
    record: { output: { status: 307, body: "elsewhere" } },
    retryable: false,
  });
  expect(requests).toHaveLength(4);
});

it("the function's own headers go along on the same server and to no other, nor on or back from there", async () => {
  const own = { authorization: "Bearer t", cookie: "a=1", "x-mine": "1" };
  const stays = await redirecting((path) => (path === "/" ? "/same" : undefined));
  const there = await redirecting((path) => (path === "/" ? "/on" : `${here.origin}/back`));
  const here = await redirecting((path) => (path === "/" ? `${there.origin}/` : undefined));

  expect((await call(stays.origin, own)).output).toBe("here");
  expect((await call(here.origin, own)).output).toBe("here");
  const seen = [...stays.requests, ...here.requests.slice(0, 1), ...there.requests, ...here.requests.slice(1)];
  expect(seen.map(({ path, headers }) => [path, headers.authorization, headers.cookie, headers["x-mine"]])).toEqual([
    ["/", "Bearer t", "a=1", "1"],
    ["/same", "Bearer t", "a=1", "1"],
    ["/", "Bearer t", "a=1", "1"],
    ["/", undefined, undefined, undefined],
    ["/on", undefined, undefined, undefined],
    ["/back", undefined, undefined, undefined],
  ]);
  for (const { headers } of seen) expect(headers["belfry-execution-id"]).toBe(run.executionId);
});

it.each([
  [301, "/", "of redirects only 307 and 308 are followed"],
  [302, "/", "of redirects only 307 and 308 are followed"],
  [303, "/", "of redirects only 307 and 308 are followed"],
  [304, "/", "of redirects only 307 and 308 are followed"],
  [307, "", "it leads to nothing that can be called"],
  [307, "http://", "it leads to nothing that can be called"],
  [308, "ftp://127.0.0.1/", "it leads to nothing that can be called"],
  [308, "file:///etc/passwd", "it leads to nothing that can be called"],
  [307, "http://me:secret@127.0.0.1:1/", "redirects with a user name or password are not followed"],
])("%i to %j is not followed", async (status, location, why) => {
  const { origin, requests } = await serve((_, response) => {
    response.writeHead(status, location ? { location } : {}).end();
  });

  const { error, retryable } = await call(origin);
  expect(error).toMatchObject({ code: "HTTP_STATUS", message: expect.stringContaining(`(${why})`) });
  expect(retryable).toBe(false);
  expect(requests).toHaveLength(1);
});

it("an answer's failure behind a redirect is the failure of the call", async () => {
  const there = await serve((_, response) => response.writeHead(503, { "retry-after": "7" }).end("busy"));
  const here = await redirecting(() => there.origin);

  expect(await call(here.origin)).toMatchObject({
    error: { code: "HTTP_STATUS", message: "HTTP 503 Service Unavailable" },
    retryable: true,
    retryAfterMs: 7_000,
  });
});

it("from https to http is not followed, from https to https and from http to https it is", async () => {
  const plain = await answering();
  const down = await redirecting(() => `${plain.origin}/`, 307, true);
  const across = await serve((_, response) => response.end('"here"'), true);
  const [up, over] = [await redirecting(() => across.origin), await redirecting(() => across.origin, 308, true)];

  expect((await call(down.origin)).error).toMatchObject({
    code: "HTTP_STATUS",
    message: "HTTP 307 Temporary Redirect (redirects from https to http are not followed)",
  });
  expect(plain.requests).toEqual([]);
  expect((await call(up.origin)).output).toBe("here");
  expect((await call(over.origin)).output).toBe("here");
});

it.each([0, 1])(
  "is not sent once its phase has ended while its secrets were read, and keeps no place: hop %i",
  async (hop) => {
    const one = createHttpClient({ allow: parseAllowList("127.0.0.1"), connections: 1 });
    const { origin, requests } = await redirecting((path) => (path === "/0" ? "/1" : undefined));
    const asked = Promise.withResolvers<void>();
    const given = Promise.withResolvers<readonly string[]>();
    let readings = 0;
    const secrets = () => {
      if (readings++ < hop) return [SECRET];
      asked.resolve();
      return given.promise;
    };
    const phase = new AbortController();
    const callOne = (target: { secrets: () => readonly string[] | Promise<readonly string[]> }, signal: AbortSignal) =>
      runPhase(
        { kind: "http", client: one, url: `${origin}/0`, headers: {}, ...target },
        { run, event: performEvent(run, {}), timeoutMs: 5_000, signal },
      );

    const stopped = callOne({ secrets }, phase.signal);
    await asked.promise;
    phase.abort();
    expect((await stopped).error?.code).toBe("CANCELLED");
    given.resolve([SECRET]);

    // The only place is free again.
    expect((await callOne({ secrets: () => [SECRET] }, new AbortController().signal)).output).toBe("here");
    expect(requests.map(({ path }) => path)).toEqual([...["/0"].slice(0, hop), "/0", "/1"]);
    await one.close();
  },
);
