import type { IncomingMessage } from "node:http";
import { ApiError } from "@belfry/contract/errors.ts";
import type { FastifyRequest } from "fastify";
import type { App, BodyType } from "./app.ts";
import { parseJson } from "./parse-json.ts";

const DEFAULT_TYPES: readonly BodyType[] = ["application/json"];

/** A body is JSON, or of the types that its route names. One of lines is not read here: its route reads it as it comes. */
export function acceptBodies(app: App): void {
  accept("application/json", parseJson);
  accept("text/calendar", parseUtf8);
  app.addContentTypeParser("application/x-ndjson", async (request: FastifyRequest, body: IncomingMessage) => {
    assertTaken(request, "application/x-ndjson");
    return body;
  });

  function accept(type: BodyType, parse: (body: Buffer) => unknown): void {
    app.addContentTypeParser(type, { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
      assertTaken(request, type);
      return parse(body);
    });
  }
}

function assertTaken(request: FastifyRequest, type: BodyType): void {
  const { bodyTypes = DEFAULT_TYPES } = request.routeOptions.config;
  if (!bodyTypes.includes(type)) {
    throw new ApiError("UNSUPPORTED_MEDIA_TYPE", `the content type must be ${bodyTypes.join(" or ")}`);
  }
}

/** Bytes that are not UTF-8, which RFC 5545 wants, are refused rather than replaced. */
function parseUtf8(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new ApiError("BAD_REQUEST", "body is not UTF-8");
  }
}
