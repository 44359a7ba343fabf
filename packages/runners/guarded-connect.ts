import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction, type Socket } from "node:net";
import { buildConnector } from "undici";
import { type GuardRules, refusal } from "./guard.ts";
import { limitReceived } from "./limit-received.ts";

/** All addresses of a name; rejects as node:dns does. */
export type ResolveName = (name: string) => Promise<readonly LookupAddress[]>;

/** A target that functions may not call: no byte was sent to it. */
export class TargetBlocked extends Error {
  constructor(host: string, why: string) {
    super(`functions may not call ${host}: it ${why} (what else they may call is set by BELFRY_HTTP_ALLOW)`);
    this.name = "TargetBlocked";
  }
}

const underWay = new Map<string, Promise<readonly LookupAddress[]>>();

/** Each lookup keeps one of few threads busy: those who ask for a name at the same time have one answer. */
export const resolveBySystem: ResolveName = (name) => {
  const asked = underWay.get(name);
  if (asked) return asked;
  const answer = new Promise<readonly LookupAddress[]>((resolve, reject) =>
    systemLookup(name, { all: true }, (error, addresses) => {
      underWay.delete(name);
      if (error) reject(error);
      else resolve(addresses);
    }),
  );
  underWay.set(name, answer);
  return answer;
};

/** However long a function lets connecting take, an attempt is given up then. */
export const CONNECT_MAX_MS = 60_000;

/**
 * Makes the connections to one origin, and only to addresses that `rules` let through.
 *
 * A name is looked up once for each connection, and the connection is made to the very addresses that were judged: asked
 * twice, a name could stand for another address the second time (DNS rebinding). If one of its addresses is refused, the
 * name is: which of them would be connected to is left to chance and to whoever answers for the name, and a name
 * that stands for a public and a private address at once has no good reason to.
 */
export function guardedConnector(origin: URL, rules: GuardRules, resolveName: ResolveName): buildConnector.connector {
  const host = origin.hostname.replace(/^\[|\]$/g, "");
  const port = Number(origin.port) || (origin.protocol === "https:" ? 443 : 80);
  const assertAllowed = (address: string): void => {
    const why = refusal(rules, { host, port }, address);
    if (why !== null) throw new TargetBlocked(origin.hostname, why);
  };
  const lookup: LookupFunction = (name, options, callback) => {
    resolveName(name).then(
      (addresses) => {
        try {
          for (const { address } of addresses) assertAllowed(address);
        } catch (blocked) {
          return callback(blocked as Error, []);
        }
        const [first] = addresses;
        if (options.all || !first) return callback(null, [...addresses]);
        callback(null, first.address, first.family);
      },
      (error) => callback(error as Error, []),
    );
  };
  const connect = buildConnector({ lookup, timeout: CONNECT_MAX_MS, allowH2: false });

  return (options, callback) => {
    try {
      // An address is not looked up.
      if (isIP(host)) assertAllowed(host);
    } catch (blocked) {
      return callback(blocked as Error, null);
    }
    connect(options, (...[error, socket]) => {
      if (error) return callback(error, null);
      try {
        // What holds already, asked of the connection itself: should there be a way around the above, it ends here.
        assertAllowed((socket as Socket).remoteAddress ?? "");
        limitReceived(socket as Socket);
        callback(null, socket as Socket);
      } catch (blocked) {
        (socket as Socket).destroy();
        callback(blocked as Error, null);
      }
    });
  };
}
