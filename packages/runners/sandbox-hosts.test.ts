import { expect, it } from "vitest";
import { isListed } from "./sandbox-hosts.ts";

it.each([
  ["https://api.example.com/x", "api.example.com", true],
  ["http://api.example.com/", "api.example.com", true],
  ["https://API.Example.com./", "api.example.com", true],
  ["https://api.example.com:8443/", "api.example.com", false],
  ["https://api.example.com:8443/", "api.example.com:8443", true],
  ["http://api.example.com:443/", "api.example.com", false],
  ["http://api.example.com/", "api.example.com:80", true],
  ["https://api.example.com/", "api.example.com:80", false],
  ["https://x.api.example.com/", "api.example.com", false],
  ["https://api.example.com.evil.test/", "api.example.com", false],
  ["https://evilexample.org/", "*.example.org", false],
  ["https://example.org/", "*.example.org", false],
  ["https://a.example.org/", "*.example.org", true],
  ["https://a.b.example.org/", "*.example.org", true],
  ["https://a.example.org/", "*.example.org:8443", false],
  ["https://a.example.org:8443/", "*.example.org:8443", true],
  ["http://127.0.0.1/", "*.0.0.1", false],
  ["http://[::1]:81/", "[::1]:81", true],
  ["http://2130706433/", "127.0.0.1", true],
  ["http://2130706433/", "2130706433", false],
])("%s, where %s is listed: %s", (url, pattern, expected) => {
  expect(isListed(new URL(url), [pattern])).toBe(expected);
});
