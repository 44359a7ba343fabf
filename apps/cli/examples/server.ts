/**
 * A function behind HTTP: answers a check with whether there is work, and a perform with what was done. Prints its
 * port on the process channel when it is started by the local cluster.
 */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const server = createServer(async (request, response) => {
  const event = JSON.parse((await text(request)) || "{}");
  const answer =
    event.phase === "check"
      ? { shouldPerform: true, performPayload: { queued: 3 } }
      : { delivered: event.queued, execution: event.belfry?.execution_id };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ ready: true, port: typeof address === "object" ? address?.port : undefined });
});
for (const end of ["SIGTERM", "disconnect"]) process.once(end, () => process.exit(0));
// The cluster may have gone before anybody listened.
if (process.connected === false) process.exit(0);
