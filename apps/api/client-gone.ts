import type { ServerResponse } from "node:http";
import { ApiError } from "@belfry/contract/errors.ts";

/**
 * Aborted when nobody waits for the answer any more. That is asked of the answer: a request counts as closed as soon as
 * its body was read.
 */
export function clientGone({ raw }: { raw: ServerResponse }): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => gone.abort(new ApiError("BAD_REQUEST", "the client has gone before it was answered")));
  return gone.signal;
}
