import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, startTestApi, type TestApi } from "./test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi({
    board: async (app) => {
      app.get("/admin/broken", () => {
        throw new Error("the password is swordfish");
      });
    },
  });
  client = await api.newClient();
});
afterAll(() => api.close());

describe("an error", () => {
  it("names the methods that a path has when it has not the one asked for", async () => {
    const answer = await client.delete("/automation/jobs");
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD, POST");
    expect(answer.json()).toMatchObject({ error: "method not allowed", code: "METHOD_NOT_ALLOWED" });
    expect((await api.app.inject({ method: "POST", url: "/livez" })).statusCode).toBe(405);
  });

  it("says 405 whatever the body", async () => {
    const headers = { authorization: `Bearer ${client.key}`, "content-type": "text/plain" };
    const answer = await api.app.inject({ method: "PUT", url: "/automation/jobs", headers, payload: "{" });
    expect(answer.statusCode).toBe(405);
  });

  it.each(["%zz", "%ED%A0%80", "%"])("says 400 to a path that cannot be decoded: %j", async (id) => {
    const answer = await client.get(`/automation/jobs/${id}`);
    expect(answer.json()).toEqual({
      error: "bad request",
      message: "the path is not a valid URL",
      code: "BAD_REQUEST",
    });
    expect(answer.headers["x-request-id"]).toBeDefined();
  });

  it("that nobody foresaw tells nothing, and is logged under the request's id", async () => {
    const admin = await api.newClient("admin");
    const answer = await admin.get("/admin/broken");
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({
      error: "internal error",
      message: "something went wrong on our side",
      code: "INTERNAL",
    });
    const line = api.logged.find((each) => each.includes("swordfish"));
    expect(JSON.parse(line as string)).toMatchObject({
      request_id: answer.headers["x-request-id"],
      msg: "request failed",
    });
  });

  it("answers even what is not HTTP", async () => {
    await api.app.listen({ port: 0, host: "127.0.0.1" });
    const socket = connect((api.app.server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    socket.end("HELO belfry\r\n\r\n");
    const [head, body] = (await text(socket)).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(head).toMatch(/x-request-id: /i);
    expect(JSON.parse(body as string)).toMatchObject({ error: "bad request", code: "BAD_REQUEST" });
  });
});

describe("every answer", () => {
  it("carries the caller's request id if it is fit for it, otherwise a new one", async () => {
    const ask = async (id: string) =>
      (await api.app.inject({ url: "/livez", headers: { "x-request-id": id } })).headers["x-request-id"];
    expect(await ask("trace-1.2:3")).toBe("trace-1.2:3");
    expect(await ask("a b\tc")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await ask("x".repeat(200))).toMatch(/^[0-9a-f-]{36}$/);
  });
});
