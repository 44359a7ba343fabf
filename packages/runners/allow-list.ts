import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Targets that functions may call although they are private, on any port unless `port` names one. */
export type AllowEntry = { port: number | null } & (
  | { kind: "host"; name: string; subdomains: boolean }
  | { kind: "range"; base: Address; bits: number }
);

export type PortRange = { from: number; to: number };

/**
 * Reads a list of hosts (`hooks.internal`, `*.internal.example`), addresses and ranges (`10.0.0.0/8`, `[fd00::]/8`),
 * separated by commas, each with a port after a colon if it is meant for that port only.
 * @throws Error that names the entry which is none of these.
 */
export function parseAllowList(text: string): AllowEntry[] {
  return entriesOf(text).map(parseAllowEntry);
}

/**
 * Reads ports and ranges of ports (`443, 8000-8999`), separated by commas.
 * @throws Error that names the entry which is neither.
 */
export function parsePorts(text: string): PortRange[] {
  return entriesOf(text).map((entry) => {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(entry) ?? [];
    const range = { from: Number(first), to: Number(last) };
    if (first !== undefined && range.from >= 1 && range.from <= range.to && range.to <= 65_535) return range;
    throw new Error(`"${entry}" is neither a port from 1 to 65535 nor a range of them`);
  });
}

const entriesOf = (text: string): string[] => text.split(",").map((entry) => entry.trim());

const WITH_PORT = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:/[\]]+))(?:\/(?<bits>\d{1,3}))?(?::(?<port>\d{1,5}))?$/;
/** An IPv6 address needs its brackets only where a port may follow. */
const BARE_V6 = /^(?<v6>[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*)(?:\/(?<bits>\d{1,3}))?$/i;

function parseAllowEntry(entry: string): AllowEntry {
  const refused = (why: string) => new Error(`"${entry}" ${why}`);
  const parts = (BARE_V6.exec(entry) ?? WITH_PORT.exec(entry))?.groups;
  if (!parts) throw refused("is not a host, an address or a range of addresses");
  const port = parts.port === undefined ? null : Number(parts.port);
  if (port !== null && (port < 1 || port > 65_535)) throw refused("has a port that is none");

  const { v6, name = "" } = parts;
  if (v6 === undefined && !isIPv4(name)) {
    const host = hostOf(name);
    if (host === null || parts.bits !== undefined) throw refused("is not a host, an address or a range of addresses");
    return { kind: "host", ...host, port };
  }
  if (v6 !== undefined && (!isIPv6(v6) || v6.includes("%"))) throw refused("is not an IPv6 address");
  const base = ipaddr.parse(v6 ?? name);
  const most = base.kind() === "ipv4" ? 32 : 128;
  const bits = Number(parts.bits ?? most);
  if (bits > most) throw refused(`has a prefix longer than ${most} bits`);
  // Such addresses are judged as the IPv4 addresses that they stand for, so this entry would never match.
  if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress()) throw refused("has to be written as IPv4");
  return { kind: "range", base, bits, port };
}

const HOST = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

function hostOf(text: string): { name: string; subdomains: boolean } | null {
  const subdomains = text.startsWith("*.");
  const name = normalHost(domainToASCII(subdomains ? text.slice(2) : text));
  return HOST.test(name) ? { name, subdomains } : null;
}

/** A host as it is compared: a dot at its end only says that the name is complete. */
export function normalHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}
