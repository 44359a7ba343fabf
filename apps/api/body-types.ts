import { ApiError } from "@belfry/contract/errors.ts";
import type { FastifyRequest } from "fastify";
import type { App } from "./app.ts";
import { parseJson } from "./parse-json.ts";

const JSON_TYPE = "application/json";
const CALENDAR_TYPE = "text/calendar";

/** A body is JSON, or of the one other type that its route names. */
export function acceptBodies(app: App): void {
  app.addContentTypeParser(JSON_TYPE, { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    assertTaken(request, JSON_TYPE);
    return parseJson(body);
  });
  app.addContentTypeParser(CALENDAR_TYPE, { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    assertTaken(request, CALENDAR_TYPE);
    return parseUtf8(body);
  });
}

function assertTaken(request: FastifyRequest, type: string): void {
  const { bodyType = JSON_TYPE } = request.routeOptions.config;
  if (type !== bodyType) throw new ApiError("UNSUPPORTED_MEDIA_TYPE", `the content type must be ${bodyType}`);
}

/** Bytes that are not UTF-8, which RFC 5545 wants, are refused rather than replaced. */
function parseUtf8(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new ApiError("BAD_REQUEST", "body is not UTF-8");
  }
}
