/** Which addresses functions may call: a pure decision, without any I/O. */
import ipaddr from "ipaddr.js";
import { type Address, type AllowEntry, normalHost, type PortRange } from "./allow-list.ts";

export type GuardRules = {
  /** Targets that may be private, and on any port unless the entry names one. */
  allow: readonly AllowEntry[];
  /** The ports of all other targets. */
  ports: readonly PortRange[];
};

export const DEFAULT_PORTS: readonly PortRange[] = [80, 443, 8080, 8443].map((port) => ({ from: port, to: port }));

/** A host of a URL, without the brackets of an IPv6 address, and a port. */
export type Destination = { host: string; port: number };

/**
 * Why `address`, which is what the host of `to` stands for, may not be connected to; null if it may. What is not
 * known to be a public address is not one.
 */
export function refusal(rules: GuardRules, to: Destination, address: string): string | null {
  const ip = readAddress(address);
  if (!ip) return "has an address that cannot be read";
  const kind = kindOf(ip);
  if (rules.allow.some((entry) => allows(entry, to, ip, kind))) return null;
  if (kind !== "public") return `has ${WORDS[kind]}`;
  if (rules.ports.some(({ from, to: last }) => to.port >= from && to.port <= last)) return null;
  return `is called on port ${to.port}, which is not among ${rules.ports.map(showRange).join(", ")}`;
}

const showRange = ({ from, to }: PortRange): string => (from === to ? String(from) : `${from}-${to}`);

const WORDS = {
  loopback: "a loopback address",
  private: "a private address",
  "link-local": "a link-local address",
  platform: "the address of a cloud's own services",
  special: "an address that is not for single public hosts",
} as const;

type Kind = keyof typeof WORDS | "public";

/**
 * A name in the allow-list stands for whatever its DNS says. So it opens the addresses at which services are, and
 * never those at which a cloud hands out credentials: these have to be allowed as addresses.
 */
const BY_NAME: ReadonlySet<Kind> = new Set(["public", "private", "loopback"]);

function allows(entry: AllowEntry, to: Destination, ip: Address, kind: Kind): boolean {
  if (entry.port !== null && entry.port !== to.port) return false;
  if (entry.kind === "range") return ip.kind() === entry.base.kind() && ip.match(entry.base, entry.bits);
  const host = normalHost(to.host);
  return BY_NAME.has(kind) && (entry.subdomains ? host.endsWith(`.${entry.name}`) : host === entry.name);
}

/**
 * An IPv4 address that is written as IPv6 (`::ffff:127.0.0.1`) is that IPv4 address. The library takes `::127.0.0.1` for
 * the same, which it is not; a URL writes both without dots.
 */
function readAddress(address: string): Address | null {
  const dotted = address.includes(":") && address.includes(".");
  const text = dotted ? (URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? "") : address;
  return ipaddr.isValid(text) ? ipaddr.process(text) : null;
}

/** Serves every machine in Azure its configuration; the other clouds use link-local and private addresses. */
const AZURE_WIRE_SERVER = "168.63.129.16";

function kindOf(ip: Address): Kind {
  const range = ip.range();
  if (range === "loopback") return "loopback";
  if (range === "private" || range === "uniqueLocal" || range === "carrierGradeNat") return "private";
  if (range === "linkLocal") return "link-local";
  if (ip.toString() === AZURE_WIRE_SERVER) return "platform";
  // Among the others are those that carry an IPv4 address in them, and by that may lead anywhere: 6to4, Teredo, NAT64.
  if (range !== "unicast") return "special";
  return ip instanceof ipaddr.IPv6 && !isGlobalUnicast(ip) ? "special" : "public";
}

/** 2000::/3 is all of IPv6 that was ever given out; outside of it is also `::127.0.0.1`, which ranges do not know. */
function isGlobalUnicast(ip: ipaddr.IPv6): boolean {
  return ((ip.parts[0] as number) & 0xe000) === 0x2000;
}
