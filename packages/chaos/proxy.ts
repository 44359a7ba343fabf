import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between one process and one server on loopback, and does what networks do. */
export type FaultyProxy = {
  port: number;
  /** The connections that there are fall silent and nobody is told; new ones work. */
  halfOpen(): void;
  /** Nothing arrives any more on any connection. */
  silence(): void;
  /** Breaks the connections that there are, and refuses new ones. */
  cut(): void;
  /**
   * From now on, breaks a connection when the answer to a message with one of `texts` arrives, without handing it on:
   * the server has done what it was asked, and who asked does not know.
   */
  cutRepliesTo(texts: readonly string[]): void;
  /** Ends all of these. What went silent is broken. */
  heal(): void;
  /** Answers that were cut so far. */
  repliesCut(): number;
  close(): Promise<void>;
};

type Pair = { client: Socket; server: Socket; silent: boolean; cutNext: boolean };

/** A proxy on `port` (any free one if 0) in front of `targetPort`, both on 127.0.0.1. */
export async function startProxy(targetPort: number, port = 0): Promise<FaultyProxy> {
  const pairs = new Set<Pair>();
  let refusing = false;
  let silent = false;
  let texts: readonly string[] = [];
  let repliesCut = 0;

  const listener = createServer({ noDelay: true }, (client) => {
    if (refusing) return void client.resetAndDestroy();
    const server = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair: Pair = { client, server, silent: false, cutNext: false };
    pairs.add(pair);
    if (silent) makeSilent(pair);
    client.on("data", (chunk) => {
      if (texts.some((text) => chunk.includes(text))) pair.cutNext = true;
      if (!server.write(chunk)) client.pause();
    });
    server.on("drain", () => !pair.silent && client.resume());
    server.on("data", (chunk) => {
      if (pair.cutNext) {
        repliesCut++;
        return end(pair);
      }
      if (!client.write(chunk)) server.pause();
    });
    client.on("drain", () => !pair.silent && server.resume());
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      // Of a connection that is half open the other side does not hear that it was given up.
      socket.on("close", () => !pair.silent && end(pair));
    }
  });
  listener.listen(port, "127.0.0.1");
  await once(listener, "listening");

  function end(pair: Pair): void {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }

  function makeSilent(pair: Pair): void {
    pair.silent = true;
    pair.client.pause();
    pair.server.pause();
  }

  return {
    port: (listener.address() as AddressInfo).port,
    halfOpen: () => pairs.forEach(makeSilent),
    silence() {
      silent = true;
      pairs.forEach(makeSilent);
    },
    cut() {
      refusing = true;
      pairs.forEach(end);
    },
    cutRepliesTo(wanted) {
      texts = wanted;
    },
    heal() {
      for (const pair of pairs) if (pair.silent) end(pair);
      refusing = false;
      silent = false;
      texts = [];
    },
    repliesCut: () => repliesCut,
    async close() {
      pairs.forEach(end);
      listener.close();
      await once(listener, "close");
    },
  };
}
