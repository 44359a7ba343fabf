import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { BelfryError } from "./belfry-error.ts";
import { type ClientOptions, createClient } from "./create-client.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Reaction = (request: IncomingMessage, response: ServerResponse) => void;
const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reaction =>
  (_, response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
const refused = (status: number, code: string) => json(status, { error: "no", message: "not today", code });
const cut: Reaction = (request) => request.socket.destroy();
const silent: Reaction = () => undefined;

/** A client of a server that reacts to one request after the other in these ways, and what the server has seen. */
async function clientOf(reactions: Reaction[], options: Partial<ClientOptions> = {}) {
  const seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  const baseUrl = await listen(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    const react = reactions[seen.length - 1] ?? json(500, { code: "UNPLANNED", message: "one request too many" });
    react(request, response);
  });
  return { client: createClient({ baseUrl, apiKey: "key-1", ...options }), seen, baseUrl };
}
const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => Promise.reject(new Error("it went well")),
    (error) => error,
  );

describe("a call", () => {
  it("carries key, path, query and body, and answers what the API answers", async () => {
    const { client, seen } = await clientOf([json(200, { name: "a" }), json(200, []), json(200, { name: "b" })]);

    expect(await client.getJob({ id: "a/b ?#" })).toEqual({ name: "a" });
    expect(await client.listJobs({ status: "active", enabled: true, limit: 5 })).toEqual([]);
    expect(await client.patchJob({ id: "1", body: { name: "b" } })).toEqual({ name: "b" });
    expect(seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "/automation/jobs/a%2Fb%20%3F%23", ""],
      ["GET", "/automation/jobs?status=active&enabled=true&limit=5", ""],
      ["PATCH", "/automation/jobs/1", '{"name":"b"}'],
    ]);
    expect(seen[2]?.headers).toMatchObject({ authorization: "Bearer key-1", "content-type": "application/json" });
  });

  it("sends a file as what it is", async () => {
    const { client, seen } = await clientOf([json(200, {})]);
    await client.importCalendar({ id: "1", replace: true, body: "BEGIN:VCALENDAR" });
    expect(seen).toMatchObject([
      {
        url: "/automation/calendars/1/import?replace=true",
        body: "BEGIN:VCALENDAR",
        headers: { "content-type": "text/calendar" },
      },
    ]);
  });

  it("answers text that says so as it is", async () => {
    const { client } = await clientOf([(_, response) => response.setHeader("content-type", "text/plain").end("{}")]);
    expect(await client.getJob({ id: "1" })).toBe("{}");
  });

  it("goes to the path under which a proxy serves the API", async () => {
    const { baseUrl, seen } = await clientOf([json(200, { ok: true })]);
    await createClient({ baseUrl: `${baseUrl}/belfry/`, apiKey: "k" }).livez();
    expect(seen[0]?.url).toBe("/belfry/livez");
  });

  it.each(["", ".", "..", undefined, 7])("does not become another one by an id of %j", async (id) => {
    const { client, seen } = await clientOf([]);
    await expect(client.deleteJob({ id: id as string })).rejects.toThrow("id: must be an id");
    expect(seen).toEqual([]);
  });
});

describe("an error", () => {
  it("of the API has its code, its sentence, and what is wrong with which field", async () => {
    const details = [{ path: "name", message: "is missing", code: "invalid" }];
    const answer = { error: "validation error", message: "name is missing", code: "VALIDATION_ERROR", details };
    const { client } = await clientOf([json(422, answer)]);
    const error = await errorOf(client.createCalendar({ body: { name: "", dates: [] } }));

    expect(error).toBeInstanceOf(BelfryError);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", message: "name is missing", status: 422, details });
  });

  it.each([
    ["a proxy's page", (_: unknown, response: ServerResponse) => response.writeHead(404).end("<html>"), 404],
    ["a page that says that all is well", (_: unknown, response: ServerResponse) => response.end("<html>"), 200],
    ["a redirect", (_: unknown, response: ServerResponse) => response.writeHead(302, { location: "/x" }).end(), null],
    ["a cut connection", cut, null],
  ])("of somebody else is no answer: %s", async (_, reaction, status) => {
    const { client } = await clientOf([reaction as Reaction], { retries: 0 });
    expect(await errorOf(client.getJob({ id: "1" }))).toMatchObject({ code: "NO_ANSWER", status });
  });

  it("says why there was no connection", async () => {
    const { client, baseUrl } = await clientOf([], { retries: 0 });
    stops.pop()?.();
    const message = `no answer from ${baseUrl}: connect ECONNREFUSED ${new URL(baseUrl).host}`;
    expect(await errorOf(client.livez())).toMatchObject({ code: "NO_ANSWER", message });
  });
});

describe("what fails for the moment", () => {
  it.each([
    ["a cut connection", cut],
    ["a service that starts", refused(503, "UNAVAILABLE")],
    ["a proxy without a server", json(502, "bad gateway")],
  ])("is read again: %s", async (_, reaction) => {
    const { client, seen } = await clientOf([reaction, reaction, json(200, { id: "1" })]);
    expect(await client.getJob({ id: "1" })).toEqual({ id: "1" });
    expect(seen).toHaveLength(3);
  });

  it("is made again with the same idempotency key, which the client makes if need be", async () => {
    const { client, seen } = await clientOf([cut, json(201, { id: "1" }), cut, json(202, { id: "2" })]);
    await client.createJob({ body: { function_id: "f", name: "n", schedule: "@daily" } });
    await client.runJob({ id: "1", idempotencyKey: "mine" });

    const keys = seen.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys).toEqual([keys[0], keys[0], "mine", "mine"]);
  });

  it("is not asked again if asking twice may be once too often", async () => {
    const { client, seen } = await clientOf([refused(503, "UNAVAILABLE")]);
    expect(await errorOf(client.pauseJob({ id: "1" }))).toMatchObject({ code: "UNAVAILABLE", status: 503 });
    expect(seen).toHaveLength(1);
  });

  it("is given up after the last try, and what is no matter of time at once", async () => {
    const busy = refused(503, "UNAVAILABLE");
    const { client, seen } = await clientOf([busy, busy, refused(500, "INTERNAL")], { retries: 1 });
    expect(await errorOf(client.getJob({ id: "1" }))).toMatchObject({ code: "UNAVAILABLE" });
    expect(seen).toHaveLength(2);
    expect(await errorOf(client.getJob({ id: "1" }))).toMatchObject({ code: "INTERNAL" });
    expect(seen).toHaveLength(3);
  });

  it("is given up at once if the API wants to be left alone for longer than the call may take", async () => {
    const { client, seen } = await clientOf([json(429, { code: "X", message: "later" }, { "retry-after": "60" })]);
    expect(await errorOf(client.getJob({ id: "1" }))).toMatchObject({ status: 429 });
    expect(seen).toHaveLength(1);
  });
});

describe("a call that takes too long", () => {
  it("ends at its limit, or at the client's", async () => {
    const { client } = await clientOf([silent, silent], { timeoutMs: 50 });
    const timeout = { code: "TIMEOUT", status: null };
    expect(await errorOf(client.getJob({ id: "1" }))).toMatchObject({ ...timeout, message: "no answer within 50 ms" });
    expect(await errorOf(client.getJob({ id: "1", timeoutMs: 20 }))).toMatchObject({
      ...timeout,
      message: "no answer within 20 ms",
    });
  });

  it("also ends in the middle of an answer", async () => {
    const { client } = await clientOf([(_, response) => response.write("{")], { timeoutMs: 50 });
    expect(await errorOf(client.getJob({ id: "1" }))).toMatchObject({ code: "TIMEOUT" });
  });

  it("can be given up, also between two tries", async () => {
    const caller = new AbortController();
    const { client } = await clientOf([
      (_, response) => {
        refused(503, "UNAVAILABLE")(_, response);
        setImmediate(() => caller.abort(new Error("enough")));
      },
    ]);
    expect(await errorOf(client.getJob({ id: "1", signal: caller.signal }))).toEqual(new Error("enough"));
  });
});

describe("a list", () => {
  const page = (names: string[], cursor?: string) =>
    json(200, names, cursor ? { link: `</automation/jobs?limit=2&cursor=${cursor}>; rel="next"` } : {});

  it("is led through page by page", async () => {
    const { client, seen } = await clientOf([page(["a", "b"], "c%2B1"), page(["c", "d"], "c2"), page([])]);
    expect(await Array.fromAsync(client.listJobs.each({ limit: 2 }))).toEqual(["a", "b", "c", "d"]);
    expect(seen.map(({ url }) => url)).toEqual([
      "/automation/jobs?limit=2",
      "/automation/jobs?limit=2&cursor=c%2B1",
      "/automation/jobs?limit=2&cursor=c2",
    ]);
  });

  it("is not read further than it is needed", async () => {
    const { client, seen } = await clientOf([page(["a", "b"], "c1")]);
    for await (const job of client.listJobs.each()) if (String(job) === "a") break;
    expect(seen).toHaveLength(1);
  });
});

it("is made with an address and a key", () => {
  expect(() => createClient({ baseUrl: "localhost:8080", apiKey: "k" })).toThrow(
    "baseUrl: must be an http or https URL",
  );
  expect(() => createClient({ baseUrl: "", apiKey: "k" })).toThrow("baseUrl: must be");
  expect(() => createClient({ baseUrl: "http://a", apiKey: undefined })).toThrow("apiKey: is missing");
  expect(() => createClient({ baseUrl: "http://a", apiKey: "a\nb" })).toThrow("apiKey: has characters");
});
