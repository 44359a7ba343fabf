import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { errorAnswers } from "../answers.ts";
import type { Route } from "../app.ts";

const TYPES = readFileSync(fileURLToPath(import.meta.resolve("@belfry/functions/sandbox.d.ts")), "utf8");
const ETAG = `"${createHash("sha256").update(TYPES).digest("base64url").slice(0, 22)}"`;

export const sandboxTypesRoute: Route = (app) =>
  app.route({
    method: "GET",
    url: "/automation/sandbox/types",
    schema: {
      operationId: "getSandboxTypes",
      summary: "Get the types of what an uploaded function can use",
      description: "TypeScript declarations, for an editor to load.",
      tags: ["functions"],
      response: { 200: z.string(), 304: z.null(), ...errorAnswers() },
    },
    async handler(request, reply) {
      reply.header("cache-control", "private, max-age=3600").header("etag", ETAG);
      if (request.headers["if-none-match"] === ETAG) return reply.code(304).send(null);
      return reply.type("text/plain; charset=utf-8").send(TYPES);
    },
  });
