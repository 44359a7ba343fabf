import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { readSecrets, sign, signatureProblem } from "./signature.ts";
import { newSecret } from "./signed-call.ts";

const secret = newSecret();
const now = new Date("2026-11-20T09:00:00Z");
const seconds = now.getTime() / 1000;
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

type Given = { id?: string; timestamp?: string; signature?: string; body?: string; secrets?: string | string[] };
/** What is wrong with a message that the specification's own library has signed, with some of it replaced. */
function problemOf({ body = '{"a":1}', id = "msg-1", timestamp = String(seconds), ...given }: Given = {}) {
  const headers: Record<string, string> = {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": given.signature ?? new Webhook(secret).sign("msg-1", now, '{"a":1}'),
  };
  return signatureProblem({
    header: (name) => headers[name] || null,
    body: new TextEncoder().encode(body),
    keys: readSecrets(given.secrets ?? secret),
    toleranceSeconds: 300,
    now,
  });
}

describe("a signature", () => {
  it.each(["{}", '{"name":"Zoë 🎈"}', '"\u007f\uffff"', `"${"x".repeat(100_000)}"`])(
    "is that of the specification's own library, either way: %#",
    async (body) => {
      const message = { id: "msg-1", timestamp: Math.floor(Date.now() / 1000), body };
      const signed = await sign(secret, message);
      const headers = {
        "webhook-id": message.id,
        "webhook-timestamp": String(message.timestamp),
        "webhook-signature": signed,
      };

      expect(signed).toBe(new Webhook(secret).sign(message.id, new Date(message.timestamp * 1000), body));
      expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    },
  );

  it("is right for its message and no other", async () => {
    expect(await problemOf()).toBeNull();
    const wrong = "webhook-signature is not the signature of this request by the secret that this server has";
    expect(await problemOf({ body: '{"a": 1}' })).toBe(wrong);
    expect(await problemOf({ id: "msg-2" })).toBe(wrong);
    expect(await problemOf({ timestamp: String(seconds + 1) })).toBe(wrong);
    expect(await problemOf({ secrets: newSecret() })).toBe(wrong);
  });

  it("is one of several while a secret is being replaced, on either side", async () => {
    const other = newSecret();
    const both = [other, secret].map((each) => new Webhook(each).sign("msg-1", now, '{"a":1}')).join(" ");
    expect(await problemOf({ signature: both })).toBeNull();
    expect(await problemOf({ signature: `v1a,AAAA ${both} v2,BBBB` })).toBeNull();
    expect(await problemOf({ secrets: [other, secret] })).toBeNull();
    expect(await problemOf({ signature: both, secrets: newSecret() })).toContain("is not the signature");
  });

  it.each([
    ["v1,AAAA"],
    ["v1,"],
    ["v1,***"],
    [`v1,${Buffer.alloc(32).toString("base64")}`],
    [Array.from({ length: 300 }, () => "v1,AAAA").join(" ")],
  ])("is refused if it is %s", async (signature) => {
    expect(await problemOf({ signature })).toMatch(/is not the signature|has no signature of version v1/);
  });

  it("of another version only is none", async () => {
    const [, mac] = new Webhook(secret).sign("msg-1", now, '{"a":1}').split(",");
    expect(await problemOf({ signature: `v2,${mac}` })).toBe("webhook-signature has no signature of version v1");
  });
});

describe("a request", () => {
  it("has all three headers", async () => {
    const all = "webhook-id, webhook-timestamp, webhook-signature";
    for (const missing of [{ id: "" }, { timestamp: "" }, { signature: "" }]) {
      expect(await problemOf(missing)).toBe(`the request is not signed: ${all} are needed`);
    }
  });

  it.each([
    [minutesAgo(4.9), null],
    [minutesAgo(-4.9), null],
    [minutesAgo(5.1), "webhook-timestamp is more than 300 s off: the request is old, or a clock is wrong"],
    [minutesAgo(-5.1), "webhook-timestamp is more than 300 s off: the request is old, or a clock is wrong"],
  ])("is from now, five minutes more or less: %s", async (at, problem) => {
    const signature = new Webhook(secret).sign("msg-1", at, '{"a":1}');
    expect(await problemOf({ signature, timestamp: String(at.getTime() / 1000) })).toBe(problem);
  });

  it.each(["1e9", "-1", "0x10", "2026-11-20T09:00:00Z", "Infinity", "9".repeat(40), `${seconds}.5`, ` ${seconds}`])(
    "has a timestamp in seconds, not %j",
    async (timestamp) => {
      expect(await problemOf({ timestamp })).toBe("webhook-timestamp must be in seconds since 1970");
    },
  );
});

describe("a secret", () => {
  it.each([
    [undefined, /^secret: is missing; it begins with whsec_/],
    [[], /^secret: is missing/],
    ["", /^secret: must be whsec_ and 24 to 64 bytes in base64$/],
    [randomBytes(32).toString("base64"), /must be whsec_/],
    [`whsec_${randomBytes(23).toString("base64")}`, /must be whsec_/],
    [`whsec_${randomBytes(65).toString("base64")}`, /must be whsec_/],
    ["whsec_not base64 at all, is it?", /must be whsec_/],
    [[newSecret(), "whsec_"], /must be whsec_/],
  ])("that is none is refused: %s", (given, message) => {
    expect(() => readSecrets(given)).toThrow(message);
  });

  it.each([24, 64])("has %d bytes, say", (length) => {
    expect(readSecrets(`whsec_${randomBytes(length).toString("base64")}`)).toHaveLength(1);
  });
});
