import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";

/** The caller's own id if it is fit for logs and headers, otherwise a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID();
}

export async function sendRequestId(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header("x-request-id", request.id);
}

/** One line a request. The route's pattern rather than its address, which may hold what is nobody's business. */
export async function logRequest(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const line = {
    method: request.method,
    route: request.routeOptions.url ?? null,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    account_id: request.identity?.accountId ?? null,
  };
  // Probes come every few seconds.
  if (request.routeOptions.url === "/livez" || request.routeOptions.url === "/readyz")
    request.log.debug(line, "request");
  else request.log.info(line, "request");
}
