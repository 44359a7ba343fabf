import { isIP } from "node:net";

/**
 * Whether a function that lists `patterns` may reach a URL. A pattern is a host, or `*.` and a domain for every host below
 * it; with a port it stands for that port, without one for the usual port of http and https.
 */
export function isListed(url: URL, patterns: readonly string[]): boolean {
  const usualPort = url.protocol === "https:" ? "443" : "80";
  const port = url.port || usualPort;
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  return patterns.some((pattern) => {
    const [, wanted = "", wantedPort = usualPort] = /^(.*?)(?::(\d+))?$/.exec(pattern.toLowerCase()) ?? [];
    if (port !== wantedPort) return false;
    if (!wanted.startsWith("*.")) return host === wanted;
    return host.endsWith(wanted.slice(1)) && isIP(host) === 0;
  });
}
