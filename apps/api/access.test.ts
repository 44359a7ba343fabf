import { apiKeys } from "@belfry/db/tables/api-keys.ts";
import { eq, sql } from "drizzle-orm";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aFunction, anExecution, type Client, startTestApi, type TestApi } from "./test-api.ts";

let api: TestApi;
let client: Client;

/** Stands for the queues' board. */
async function board(app: FastifyInstance): Promise<void> {
  app.get("/admin/queues", async () => "the board");
  app.put("/admin/queues/api/retry", async () => "retried");
}

beforeAll(async () => {
  api = await startTestApi({ board });
  client = await api.newClient();
});
afterAll(() => api.close());

type Method = NonNullable<InjectOptions["method"]>;
type Endpoint = { method: Method; url: string };

/** Every method of every path that the router knows, also of those that only refuse. */
function allEndpoints(app: FastifyInstance): Endpoint[] {
  const path: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .flatMap((line) => {
      const [, indent, segment, methods] = /^([│ ]*)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
      if (indent === undefined || segment === undefined || methods === undefined) return [];
      path.length = indent.length / 4;
      path.push(segment);
      return methods.split(", ").map((method) => ({ method: method as Method, url: path.join("") }));
    });
}

const isPublic = ({ url }: Endpoint): boolean => /^\/(livez|readyz|openapi\.json|docs(\/.*)?)$/.test(url);

describe("without credentials", () => {
  it("every route says 401, save for health and documentation", async () => {
    const endpoints = allEndpoints(api.app);
    expect(endpoints.length).toBeGreaterThan(100);
    const answers = await Promise.all(
      endpoints.map(async (endpoint) => {
        const url = endpoint.url
          .replace(":id", "00000000-0000-7000-8000-000000000000")
          .replace("*", "static/swagger-ui.css");
        return { ...endpoint, answer: await api.app.inject({ method: endpoint.method, url }) };
      }),
    );
    const open = answers.filter(({ answer }) => answer.statusCode !== 401);
    expect(open.filter((endpoint) => !isPublic(endpoint)).map(({ method, url }) => `${method} ${url}`)).toEqual([]);
    expect(new Set(open.map(({ url }) => url))).toEqual(new Set(endpoints.filter(isPublic).map(({ url }) => url)));

    const closed = answers.filter(({ answer, method }) => answer.statusCode === 401 && method !== "HEAD");
    for (const { answer } of closed) {
      expect(answer.headers["www-authenticate"]).toBeDefined();
      expect(answer.json()).toEqual({ error: "unauthorized", message: expect.any(String), code: "UNAUTHORIZED" });
    }
  });

  it("a path that there is not says 401, and with a key 404", async () => {
    expect((await api.app.inject("/nowhere")).statusCode).toBe(401);
    expect((await client.get("/nowhere")).json()).toMatchObject({ code: "NOT_FOUND" });
  });

  it.each(["", "Bearer", "Bearer ", "Bearer unknown", "bearer\u00a0x", "Token abc", `Bearer ${"x".repeat(100)}`])(
    "%j is no credential",
    async (authorization) => {
      const answer = await api.app.inject({ url: "/automation/jobs", headers: { authorization } });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers["www-authenticate"]).toEqual(['Bearer realm="belfry"']);
    },
  );
});

describe("a key", () => {
  it("may hold any character that a header can carry", async () => {
    const key = "schlüssel mit: leerzeichen und 鍵 of 32 characters";
    const other = await api.newClient();
    await api.db.execute(sql`
      update api_keys set hash = encode(sha256(convert_to(${key}, 'UTF8')), 'hex') where account_id = ${other.accountId}`);
    const authorization = `bearer ${Buffer.from(key).toString("latin1")}`;
    expect((await api.app.inject({ url: "/automation/jobs", headers: { authorization } })).statusCode).toBe(200);
  });

  it("is refused within a second of its revocation", async () => {
    const other = await api.newClient();
    expect((await other.get("/automation/jobs")).statusCode).toBe(200);
    await api.db.update(apiKeys).set({ revokedAt: new Date() }).where(eq(apiKeys.accountId, other.accountId));
    await expect
      .poll(async () => (await other.get("/automation/jobs")).statusCode, { timeout: 2_000, interval: 50 })
      .toBe(401);
  });

  it("appears in no log line", async () => {
    await client.get("/automation/jobs");
    await api.app.inject({ url: "/automation/jobs", headers: { authorization: "Bearer a-wrong-key" } });
    const log = api.logged.join("");
    expect(log).toContain(`"account_id":"${client.accountId}"`);
    expect(log).not.toContain(client.key);
    expect(log).not.toContain("a-wrong-key");
  });
});

describe("another account", () => {
  it("gets for every id the answer that it gets for an id of nothing", async () => {
    const { id: execution, job_id: job } = await anExecution(client);
    const calendar = (await client.post("/automation/calendars", { name: "holidays", dates: [] })).json().id;
    const ids: Record<string, string> = {
      functions: await aFunction(client),
      jobs: job,
      executions: execution,
      calendars: calendar,
    };
    const nothing = "00000000-0000-7000-8000-000000000000";
    const stranger = await api.newClient();

    // What takes a phase's token takes no account's key, and accounts are changed by admins only, who may change any.
    const others = /\/(complete|heartbeat)$|^\/automation\/accounts\//;
    const byId = documentedEndpoints().filter(({ url }) => url.includes(":id") && !others.test(url));
    expect(byId.length).toBe(24);
    for (const { method, url } of byId) {
      const kind = url.split("/")[2] as string;
      const send = (id: string) =>
        api.app.inject({
          method,
          url: url.replace(":id", id).replace("{version}", "1"),
          headers: {
            authorization: `Bearer ${stranger.key}`,
            ...(url.endsWith("/import") && { "content-type": "text/calendar" }),
          },
          ...(method === "PATCH" && { payload: { description: "mine now" } }),
          ...(url.endsWith("/rollback") && { payload: { version: 1 } }),
          ...(url.endsWith("/test") && { payload: {} }),
          ...(url.endsWith("/import") && { payload: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n" }),
        });
      const foreign = await send(ids[kind] as string);
      expect({ method, url, status: foreign.statusCode }).toEqual({ method, url, status: 404 });
      expect(foreign.json()).toEqual((await send(nothing)).json());
    }
    expect((await client.get(`/automation/jobs/${job}`)).json()).toMatchObject({ description: "", enabled: true });
  });

  it("sees none of it in any list", async () => {
    const { job_id } = await anExecution(client);
    const stranger = await api.newClient();
    await client.post("/automation/calendars", { name: "of somebody else", dates: [] });
    for (const list of ["functions", "jobs", "calendars", "executions", `executions?job_id=${job_id}`]) {
      expect((await stranger.get(`/automation/${list}`)).json()).toEqual([]);
    }
  });

  /** Those of the documentation: what really does something. */
  function documentedEndpoints(): Endpoint[] {
    const { paths } = api.app.swagger() as { paths: Record<string, Record<string, unknown>> };
    return Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => ({
        method: method.toUpperCase() as Method,
        url: path.replace("{id}", ":id"),
      })),
    );
  }
});

describe("the queues' board", () => {
  const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`anybody:${key}`).toString("base64")}` });
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const open = (headers: Record<string, string>) => api.app.inject({ url: "/admin/queues", headers });

  it("opens with an admin's key, as a bearer or as a browser sends it", async () => {
    const admin = await api.newClient("admin");
    expect((await open(bearer(admin.key))).body).toBe("the board");
    expect((await open(basic(admin.key))).body).toBe("the board");
  });

  it("does not open with a member's", async () => {
    for (const headers of [bearer(client.key), basic(client.key)]) {
      const answer = await open(headers);
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toEqual({ error: "forbidden", message: "this needs an admin's key", code: "FORBIDDEN" });
    }
  });

  it("asks a browser for a password, which nothing else does or takes", async () => {
    expect((await open({})).headers["www-authenticate"]).toContain('Basic realm="belfry", charset="UTF-8"');
    const admin = await api.newClient("admin");
    const elsewhere = await api.app.inject({ url: "/automation/jobs", headers: basic(admin.key) });
    expect(elsewhere.statusCode).toBe(401);
    expect(elsewhere.headers["www-authenticate"]).toEqual(['Bearer realm="belfry"']);
  });

  it("is not changed by what another site makes a browser send", async () => {
    const admin = await api.newClient("admin");
    const put = (site: string) =>
      api.app.inject({
        method: "PUT",
        url: "/admin/queues/api/retry",
        headers: { ...basic(admin.key), "sec-fetch-site": site },
      });
    expect((await put("cross-site")).statusCode).toBe(403);
    expect((await put("same-origin")).body).toBe("retried");
  });
});
