import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { isIPv6 } from "node:net";

/** The addresses of a name, of both families. `nth` counts the lookups of it, from 0. */
export type DnsAnswer = (name: string, nth: number) => readonly string[];

export type DnsServer = {
  /** All addresses of a name, asked of this server alone, as `dns.lookup` with `all` gives them. */
  resolveName(name: string): Promise<{ address: string; family: 4 | 6 }[]>;
  /** How often a name was looked up. */
  lookups(name: string): number;
  close(): Promise<void>;
};

const A = 1;
const AAAA = 28;
const HEADER_BYTES = 12;

/** A DNS server on loopback whose answers, with a time to live of 0, are whatever `answer` says at the moment. */
export async function startDnsServer(answer: DnsAnswer): Promise<DnsServer> {
  const asked = new Map<string, number>();
  const socket = createSocket("udp4", (query, from) => {
    const { name, type, end } = readQuestion(query);
    // Each lookup asks for both families.
    const times = asked.get(name) ?? 0;
    asked.set(name, times + 1);
    const addresses = answer(name, Math.floor(times / 2)).filter((a) => (isIPv6(a) ? AAAA : A) === type);
    socket.send(writeAnswer(query, end, type, addresses), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    async resolveName(name) {
      const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
      const addresses = found.flatMap((one, i) =>
        one.status === "fulfilled" ? one.value.map((address) => ({ address, family: i === 0 ? 4 : 6 }) as const) : [],
      );
      if (addresses.length > 0) return addresses;
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" });
    },
    lookups: (name) => Math.ceil((asked.get(name) ?? 0) / 2),
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function writeAnswer(query: Buffer, end: number, type: number, addresses: readonly string[]): Buffer {
  const header = Buffer.from(query.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(0x8180, 2); // an answer, without an error
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...addresses.map((a) => record(type, a))]);
}

function record(type: number, address: string): Buffer {
  const data = type === A ? Buffer.from(address.split(".").map(Number)) : sixteenBytes(address);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0); // the name is the question's
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** An IPv6 address of which every group is written out where it is not `::`. */
function sixteenBytes(address: string): Buffer {
  // A URL writes it without dots.
  const [before = "", after = ""] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(before), groups(after)];
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(Uint16Array.from(all).buffer).swap16();
}
