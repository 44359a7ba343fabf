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
  /**
   * Ends all of these. What went silent is broken, and both sides hear of it; of what was left half open only the server
   * does: who holds the other end has to find out by itself.
   */
  heal(): void;
  /** Answers that were cut so far. */
  repliesCut(): number;
  close(): Promise<void>;
};

type Pair = { client: Socket; server: Socket; state: "whole" | "silent" | "half open" | "orphan"; cutNext: boolean };

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
    const pair: Pair = { client, server, state: "whole", cutNext: false };
    pairs.add(pair);
    if (silent) quiet(pair, "silent");
    client.on("data", (chunk) => {
      if (pair.state === "orphan") return;
      if (texts.some((text) => chunk.includes(text))) pair.cutNext = true;
      if (!server.write(chunk)) client.pause();
    });
    server.on("drain", () => pair.state === "whole" && client.resume());
    server.on("data", (chunk) => {
      if (pair.cutNext) {
        repliesCut++;
        return end(pair);
      }
      if (!client.write(chunk)) server.pause();
    });
    client.on("drain", () => pair.state === "whole" && server.resume());
    for (const socket of [client, server]) socket.on("error", () => undefined);
    // Of a connection that is half open the other side does not hear that it was given up.
    client.on("close", () => (pair.state === "whole" || pair.state === "orphan") && end(pair));
    server.on("close", () => pair.state === "whole" && end(pair));
  });
  listener.listen(port, "127.0.0.1");
  await once(listener, "listening");

  function end(pair: Pair): void {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }

  function quiet(pair: Pair, state: "silent" | "half open"): void {
    if (pair.state !== "whole") return;
    pair.state = state;
    pair.client.pause();
    pair.server.pause();
  }

  /** The server has given it up. Of the client we only want to know when it does. */
  function abandon(pair: Pair): void {
    pair.state = "orphan";
    pair.server.destroy();
    pair.client.resume();
  }

  return {
    port: (listener.address() as AddressInfo).port,
    halfOpen() {
      for (const pair of pairs) quiet(pair, "half open");
    },
    silence() {
      silent = true;
      for (const pair of pairs) quiet(pair, "silent");
    },
    cut() {
      refusing = true;
      pairs.forEach(end);
    },
    cutRepliesTo(wanted) {
      texts = wanted;
    },
    heal() {
      for (const pair of pairs) {
        if (pair.state === "silent") end(pair);
        if (pair.state === "half open") abandon(pair);
      }
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
