import { createServer, type Server } from "node:http";

/** What a process without an HTTP API of its own says of itself: `/livez` while it runs, `/readyz` 200 while `ready` says so. */
export async function startHealthServer(
  port: number,
  ready: () => boolean,
): Promise<{ port: number; close: () => Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const known = request.url === "/livez" || request.url === "/readyz";
    const status = !known ? 404 : request.url === "/livez" || ready() ? 200 : 503;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ ok: status === 200 }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
