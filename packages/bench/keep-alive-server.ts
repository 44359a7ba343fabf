// A local function over HTTP: agrees to every check and answers every perform, on connections that stay open.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  let body = "";
  request.on("data", (part: Buffer) => {
    body += part.toString();
  });
  request.on("end", () => {
    const { phase } = JSON.parse(body) as { phase: string };
    response.setHeader("content-type", "application/json");
    response.end(phase === "check" ? '{"shouldPerform":true}' : "null");
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once("disconnect", () => process.exit(0));
process.once("SIGTERM", () => process.exit(0));
