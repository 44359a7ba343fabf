import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { ApiError } from "@belfry/contract/errors.ts";
import { errorBody } from "./answer-error.ts";

/** Answers what is not HTTP at all, so that no request object ever exists for it. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const tooSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const message = tooLarge
    ? "the headers are too large"
    : tooSlow
      ? "the request took too long"
      : "this is not an HTTP request";
  const body = JSON.stringify(errorBody(new ApiError("BAD_REQUEST", message)));
  const head = [
    "HTTP/1.1 400 Bad Request",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${randomUUID()}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
