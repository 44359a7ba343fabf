import type { Socket } from "node:net";
import { PhaseFailure } from "./phase-failure.ts";

/** The largest answer, if each of its bytes comes in a chunk of its own, and some room for headers. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * Ends a connection over which more comes for one request than any answer needs. What is no header and no body, as a
 * reason without end or a chunk with an endless extension, nobody else counts: it would keep the process busy until the
 * phase's limit.
 */
export function limitReceived(socket: Socket): void {
  let requested = socket.bytesWritten;
  let received = socket.bytesRead;
  let receivedBefore = received;
  socket.on("readable", () => {
    // Something was written since: this answers another request.
    if (socket.bytesWritten !== requested) receivedBefore = received;
    requested = socket.bytesWritten;
    received = socket.bytesRead;
    if (received - receivedBefore > MOST_BYTES) socket.destroy(sentTooMuch());
  });
}

function sentTooMuch(): PhaseFailure {
  const message = `the function's server sent more than ${MOST_BYTES} bytes for one answer`;
  return new PhaseFailure("HTTP_FAILED", message, { retryable: false });
}
