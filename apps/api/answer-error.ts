import { STATUS_CODES } from "node:http";
import { API_ERRORS, ApiError, type ApiErrorCode } from "@belfry/contract/errors.ts";
import { isTransient } from "@belfry/db/pg-error.ts";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ErrorAnswer } from "./answers.ts";

/** Fastify's own refusals, by its codes. */
const FASTIFY_ERRORS: Record<string, [ApiErrorCode, message: string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ["UNSUPPORTED_MEDIA_TYPE", "the content type is none that this call takes"],
  FST_ERR_CTP_INVALID_TYPE: ["UNSUPPORTED_MEDIA_TYPE", "the content type is none that this call takes"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ["BAD_REQUEST", "the body's length is not what content-length says"],
  FST_ERR_BAD_URL: ["BAD_REQUEST", "the path is not a valid URL"],
  FST_ERR_MAX_PARAM_LENGTH: ["NOT_FOUND", "there is no such route"],
};

/** The error handler: every error leaves in one shape, and what nobody foresaw leaves without detail and is logged. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = isTooLarge(error) ? tooLarge(request.routeOptions.bodyLimit) : toApiError(error);
  if (answer.code === "INTERNAL") request.log.error({ err: error }, "request failed");
  if (answer.code === "UNAVAILABLE") {
    request.log.warn({ err: error }, "the database is not available");
    reply.header("retry-after", "1");
  }
  if (answer.code === "TOO_MANY_UPLOADS" || answer.code === "COMPILER_BUSY") reply.header("retry-after", "5");
  reply.header("x-request-id", request.id);
  return reply.code(answer.status).send(errorBody(answer));
}

export function errorBody({ code, message, details }: ApiError): ErrorAnswer {
  return { error: API_ERRORS[code][1], message, code, ...(details && { details }) };
}

const isTooLarge = (error: unknown): boolean => (error as { code?: unknown }).code === "FST_ERR_CTP_BODY_TOO_LARGE";

const tooLarge = (limit: number): ApiError =>
  new ApiError("PAYLOAD_TOO_LARGE", `the body is larger than ${limit / 1024 / 1024} MiB`);

/** What the client is told of an error, whatever it is. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = FASTIFY_ERRORS[String(code)];
  if (known) return new ApiError(...known);
  // Others that a client has caused: a body that broke off, a file of the documentation that does not exist.
  if (statusCode === 404) return new ApiError("NOT_FOUND", "there is no such route");
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return new ApiError("BAD_REQUEST", STATUS_CODES[statusCode]?.toLowerCase() ?? "bad request");
  }
  if (isTransient(error)) return new ApiError("UNAVAILABLE", "the database is not available, try again");
  return new ApiError("INTERNAL", "something went wrong on our side");
}
