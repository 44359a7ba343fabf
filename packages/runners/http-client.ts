import { Agent, Pool } from "undici";
import { DEFAULT_PORTS, type GuardRules } from "./guard.ts";
import { guardedConnector, type ResolveName, resolveBySystem } from "./guarded-connect.ts";
import { createHostSlots, type HostSlots } from "./host-slots.ts";

export type HttpClientOptions = Partial<GuardRules> & {
  /** How many connections there may be to one origin. */
  connections?: number;
  /** How long an idle connection is kept if its server does not say, in milliseconds. */
  keepAliveMs?: number;
  /** By default the system's resolver. */
  resolveName?: ResolveName;
};

/**
 * Connections that all functions of a process share, to targets that they may call. Whatever is sent through `agent`
 * is guarded, redirects too. `close` ends the connections, with what is still in flight.
 */
export type HttpClient = { agent: Agent; slots: HostSlots; close: () => Promise<void> };

export const DEFAULT_CONNECTIONS = 50;

export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const { allow = [], ports = DEFAULT_PORTS, connections = DEFAULT_CONNECTIONS } = options;
  const resolveName = options.resolveName ?? resolveBySystem;
  const agent = new Agent({
    keepAliveTimeout: options.keepAliveMs ?? 4000,
    // Stopping a phase closes its connection; over HTTP/2 other calls would share it.
    allowH2: false,
    factory: (origin, rest) =>
      new Pool(origin, {
        ...rest,
        connections,
        connect: guardedConnector(new URL(origin), { allow, ports }, resolveName),
      }),
  });
  return { agent, slots: createHostSlots(connections), close: () => agent.destroy() };
}
