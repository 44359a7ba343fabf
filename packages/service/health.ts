import { createServer, type Server } from "node:http";
import { METRICS_TYPE, type Metrics } from "./metrics.ts";

/**
 * What a process without an HTTP API of its own says of itself: `/livez` while it runs, `/readyz` 200 while `ready` says
 * so, and `/metrics` for Prometheus. Whoever reaches the port may read them.
 */
export async function startHealthServer(
  port: number,
  ready: () => boolean,
  metrics: Metrics,
): Promise<{ port: number; close: () => Promise<void> }> {
  const server: Server = createServer((request, response) => {
    if (request.url === "/metrics") {
      metrics.text().then(
        (text) => response.writeHead(200, { "content-type": METRICS_TYPE }).end(text),
        () => response.writeHead(500).end(),
      );
      return;
    }
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
