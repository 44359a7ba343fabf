const MAX_LENGTH = 8_192;

/**
 * The API key of an `Authorization` header, or null. `Basic` (any user name, the key as password) is what a browser
 * can send, and is read only where it is asked for.
 */
export function keyOf(header: string | undefined, { basic }: { basic: boolean }): string | null {
  if (header === undefined || header.length > MAX_LENGTH) return null;
  const [, scheme = "", credentials = ""] = /^([A-Za-z]+) +(.+)$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      // Node reads header bytes as Latin-1, clients write UTF-8.
      return Buffer.from(credentials, "latin1").toString("utf8") || null;
    case "basic":
      return basic ? passwordOf(credentials) : null;
    default:
      return null;
  }
}

function passwordOf(credentials: string): string | null {
  const decoded = Buffer.from(credentials, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon === -1 ? null : decoded.slice(colon + 1) || null;
}
