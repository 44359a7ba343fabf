/**
 * Standard Webhooks (standardwebhooks.com), symmetric: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
 * Web Crypto only, so that it works in Node.js, Deno, Bun and in workers at the edge.
 */

const PREFIX = "whsec_";
/** The specification's own bounds. A key outside of them is most likely not the secret but something else. */
const KEY_BYTES = [24, 64] as const;
const HMAC = { name: "HMAC", hash: "SHA-256" } as const;

type Bytes = Uint8Array<ArrayBuffer>;
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Makes keys of secrets, which fails early or never. @throws TypeError that says what a secret looks like. */
export function readSecrets(secret: string | readonly string[] | undefined): readonly Promise<Key>[] {
  const secrets = typeof secret === "string" ? [secret] : (secret ?? []);
  if (secrets.length === 0) throw new TypeError("secret: is missing; it begins with whsec_, and Belfry showed it once");
  return secrets.map((each) => {
    const key = crypto.subtle.importKey("raw", readSecret(each), HMAC, false, ["sign"]);
    key.catch(() => undefined); // whoever awaits it has the error
    return key;
  });
}

function readSecret(secret: string): Bytes {
  const key = secret.startsWith(PREFIX) ? fromBase64(secret.slice(PREFIX.length)) : null;
  if (!key || key.length < KEY_BYTES[0] || key.length > KEY_BYTES[1]) {
    throw new TypeError(`secret: must be ${PREFIX} and ${KEY_BYTES.join(" to ")} bytes in base64`);
  }
  return key;
}

/** What is signed. `timestamp` is in seconds since 1970. */
export type Message = { id: string; timestamp: number; body: string | Uint8Array };

/** The signature of a message, as the header `webhook-signature` carries it: for the tests of whoever serves functions. */
export async function sign(secret: string, message: Message): Promise<string> {
  const [key] = readSecrets(secret);
  const body = typeof message.body === "string" ? new TextEncoder().encode(message.body) : message.body;
  return `v1,${btoa(String.fromCharCode(...(await mac(await key, message.id, String(message.timestamp), body))))}`;
}

export type Verification = {
  /** A header by its lower-case name. */
  header: (name: string) => string | null;
  /** As it came: a document that was parsed and printed again has another signature. */
  body: Uint8Array;
  keys: readonly Promise<Key>[];
  /** How far the timestamp may be off, to either side. */
  toleranceSeconds: number;
  now: Date;
};

/** Why a request is not to be trusted, in one sentence; null if any of its signatures is right by any of the keys. */
export async function signatureProblem(given: Verification): Promise<string | null> {
  const [id, timestamp, signatures] = HEADERS.map((name) => given.header(name));
  if (!id || !timestamp || !signatures) return `the request is not signed: ${HEADERS.join(", ")} are needed`;
  if (!/^\d{1,12}$/.test(timestamp)) return "webhook-timestamp must be in seconds since 1970";
  const offSeconds = Math.abs(given.now.getTime() / 1000 - Number(timestamp));
  if (offSeconds > given.toleranceSeconds) {
    return `webhook-timestamp is more than ${given.toleranceSeconds} s off: the request is old, or a clock is wrong`;
  }
  const candidates = readSignatures(signatures);
  if (candidates.length === 0) return "webhook-signature has no signature of version v1";
  // One digest for each key, however many signatures the header has: a megabyte is not digested hundreds of times.
  for (const key of given.keys) {
    const expected = await mac(await key, id, timestamp, given.body);
    if (candidates.some((candidate) => isSame(candidate, expected))) return null;
  }
  return "webhook-signature is not the signature of this request by the secret that this server has";
}

const HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/** Those of version 1. Others, such as `v1a` of public keys, may stand beside them. */
function readSignatures(header: string): Bytes[] {
  const ours = header.split(" ").filter((signature) => signature.startsWith("v1,"));
  return ours.map((signature) => fromBase64(signature.slice("v1,".length))).filter((bytes) => bytes !== null);
}

async function mac(key: Key | undefined, id: string, timestamp: string, body: Uint8Array): Promise<Bytes> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key as Key, signed));
}

/** Takes as long wherever the first difference is, which a remote attacker could otherwise measure. */
function isSame(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] as number) ^ (b[index] as number);
  return difference === 0;
}

function fromBase64(text: string): Bytes | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
