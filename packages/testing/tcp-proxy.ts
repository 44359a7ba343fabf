import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server on loopback, and does what networks do. */
export type TcpProxy = {
  /** The server's URL with the proxy's address. */
  url: string;
  /** Nothing arrives any more, in either direction, and nobody is told: a frozen server or a half-open connection. */
  freeze(): void;
  thaw(): void;
  /** Breaks the connections that there are, and refuses new ones. */
  cut(): Promise<void>;
  /** After a cut: connections are possible again, on the same port. */
  restore(): Promise<void>;
  /** Breaks a connection instead of handing on the next bytes from the client that contain `text`, once. */
  cutAt(text: string): void;
  close(): Promise<void>;
};

/** A proxy in front of the server of a URL (`redis://…`, `postgres://…`). */
export async function startTcpProxy(serverUrl: string): Promise<TcpProxy> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let frozen = false;
  let cutText: string | null = null;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      if (frozen) from.pause();
      from.on("data", (chunk) => {
        if (from === client && cutText !== null && chunk.includes(cutText)) {
          cutText = null;
          from.destroy();
        } else to.write(chunk);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);

  async function cut(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  async function restore(): Promise<void> {
    const listening = once(server, "listening");
    server.listen(Number(url.port), "127.0.0.1");
    await listening;
  }

  return {
    url: url.href,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    cut,
    restore,
    cutAt(text) {
      cutText = text;
    },
    close: cut,
  };
}
