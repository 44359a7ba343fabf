import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseAllowList } from "./allow-list.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { checkEvent, performEvent, type Run } from "./phase-event.ts";
import { runPhase } from "./run-phase.ts";
import { signatureHeaders } from "./sign.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "01928c3e-7a00-7000-8000-000000000001",
  attempt: 1,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "schedule",
  payload: { text: "ä, \ud83d\ude00 and \\u0000" },
};
const FIRST = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
const SECOND = `whsec_${Buffer.alloc(64, 2).toString("base64")}`;

describe("the signature", () => {
  it("is that of the specification's reference libraries", () => {
    const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: 1614265330_000, body: '{"test": 2432232314}' };
    expect(signatureHeaders(message, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])).toEqual([
      ["webhook-id", message.id],
      ["webhook-timestamp", "1614265330"],
      ["webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
    ]);
  });

  it("is one for each secret, and its time in whole seconds", () => {
    const message = { id: "a-perform", at: 1614265330_999, body: "{}" };
    const headers = Object.fromEntries(signatureHeaders(message, [FIRST, SECOND]));
    const at = new Date(1614265330_000);
    expect(headers["webhook-signature"]).toBe(
      [FIRST, SECOND].map((secret) => new Webhook(secret).sign(message.id, at, message.body)).join(" "),
    );
    expect(headers["webhook-timestamp"]).toBe("1614265330");
  });
});

describe("a signed request", () => {
  let client: HttpClient;
  let server: Server;
  let url: string;
  let received: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  beforeAll(async () => {
    client = createHttpClient({ allow: parseAllowList("127.0.0.1") });
    server = createServer(async (request, response) => {
      received.push({ headers: request.headers, body: await buffer(request) });
      response.end('{"shouldPerform":true}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  beforeEach(() => {
    received = [];
  });
  afterAll(async () => {
    await client.close();
    server.close();
  });

  type Options = { secrets?: string[] | null; headers?: Record<string, string>; run?: Partial<Run> };
  async function call(
    phase: "check" | "perform",
    { secrets = [FIRST], headers = {}, run: changed = {} }: Options = {},
  ) {
    const called = { ...run, ...changed };
    const event = phase === "check" ? checkEvent(called) : performEvent(called, {});
    const { error } = await runPhase(
      { kind: "http", client, url, headers, ...(secrets && { secrets: () => secrets }) },
      { run: called, event, timeoutMs: 5_000, signal: new AbortController().signal },
    );
    expect(error).toBeNull();
    return received.at(-1) as { headers: Record<string, string>; body: Buffer };
  }

  it("is verified by the library that receivers use", async () => {
    for (const phase of ["check", "perform"] as const) {
      const { headers, body } = await call(phase);
      expect(new Webhook(FIRST).verify(body, headers)).toMatchObject({ phase, automation_job: "job-1" });
    }
  });

  it("is verified by either secret while two are valid, and by no other", async () => {
    const { headers, body } = await call("perform", { secrets: [SECOND, FIRST] });
    for (const secret of [FIRST, SECOND]) expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    expect(() => new Webhook(`whsec_${Buffer.alloc(32).toString("base64")}`).verify(body, headers)).toThrow(
      /No matching signature/,
    );
  });

  it("is refused when body, id or time are other than what was signed", async () => {
    const { headers, body } = await call("perform");
    const verify = (changed: Record<string, string>, of = body) =>
      new Webhook(FIRST).verify(of, { ...headers, ...changed });
    expect(() => verify({}, Buffer.concat([body, Buffer.from(" ")]))).toThrow();
    expect(() => verify({ "webhook-id": `${headers["webhook-id"]}x` })).toThrow();
    expect(() => verify({ "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 1) })).toThrow();
  });

  it("has the same id in each attempt and another one for each phase, without a dot", async () => {
    const first = await call("perform");
    const again = await call("perform", { run: { attempt: 2 } });
    const check = await call("check");
    expect(again.headers["webhook-id"]).toBe(first.headers["webhook-id"]);
    expect(check.headers["webhook-id"]).not.toBe(first.headers["webhook-id"]);
    expect(first.headers["webhook-id"]).toBe(`${run.executionId}-perform`);
    expect(first.headers["webhook-id"]).toBe(first.headers["idempotency-key"]);
  });

  it("is none if the function has no secret", async () => {
    for (const secrets of [[], null]) {
      const { headers } = await call("perform", { secrets });
      expect(Object.keys(headers).filter((name) => name.startsWith("webhook-"))).toEqual([]);
    }
  });

  it("says which trace, attempt and limit it belongs to, whatever the function's own headers say", async () => {
    const own = { Traceparent: "mine", "Belfry-Deadline": "mine", "Webhook-Id": "mine", "BELFRY-ATTEMPT": "9" };
    const before = Date.now();
    const first = (await call("check", { headers: own })).headers;
    const again = (await call("perform", { headers: own, run: { attempt: 2 } })).headers;

    const trace = /^00-01928c3e7a0070008000000000000001-([0-9a-f]{16})-01$/;
    expect(first.traceparent).toMatch(trace);
    expect(again.traceparent).toMatch(trace);
    expect(again.traceparent).not.toBe(first.traceparent);
    expect([first["belfry-attempt"], again["belfry-attempt"]]).toEqual(["1", "2"]);
    expect(first["webhook-id"]).toBe(`${run.executionId}-check`);
    const deadline = Date.parse(first["belfry-deadline"] as string);
    expect(deadline).toBeGreaterThanOrEqual(before + 5_000);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 5_000);
    expect(new Date(deadline).toISOString()).toBe(first["belfry-deadline"]);
  });
});
