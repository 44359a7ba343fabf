import { ApiError } from "@belfry/contract/errors.ts";
import type { FastifyRequest } from "fastify";

/** Guard of a call that says everything by its path. A body would be ignored, so it is refused, save for an empty object. */
export async function noBody({ body }: FastifyRequest): Promise<void> {
  if (body === undefined || body === null) return;
  if (typeof body === "object" && !Array.isArray(body) && Object.keys(body).length === 0) return;
  throw new ApiError("VALIDATION_ERROR", "this call takes no body");
}
