import { createHmac } from "node:crypto";

/**
 * The signature headers of a request, as Standard Webhooks has them (its spec, "Signature scheme", symmetric): one
 * signature for each secret, so that a receiver may know any one of them. Secrets are `whsec_` and base64; `at` is in
 * milliseconds since the epoch.
 */
export function signatureHeaders(
  { id, body, at }: { id: string; body: string; at: number },
  secrets: readonly string[],
): [name: string, value: string][] {
  const timestamp = Math.floor(at / 1000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return [
    ["webhook-id", id],
    ["webhook-timestamp", String(timestamp)],
    ["webhook-signature", signatures.join(" ")],
  ];
}
