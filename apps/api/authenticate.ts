import { ApiError } from "@belfry/contract/errors.ts";
import type { CallbackKey } from "@belfry/db/callback-token.ts";
import type { FastifyReply, FastifyRequest } from "fastify";
import { answerError } from "./answer-error.ts";
import type { Access } from "./app.ts";
import { keyOf } from "./credentials.ts";
import type { FindIdentity } from "./identity-cache.ts";

/**
 * Lets a request pass or answers it, before its body is read. What the matched route does not declare to be public
 * needs a key, also where no route matched. Answers by itself rather than by throwing: a plugin may have an error handler of its own.
 */
export function authenticate(findIdentity: FindIdentity, readToken: ReadToken) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const access = request.routeOptions.config.access ?? "account";
    if (access === "public") return undefined;
    try {
      if (access === "callback") request.callback = await identifyPhase(request, readToken);
      else request.identity = await identify(request, access, findIdentity);
      return undefined;
    } catch (error) {
      if (error instanceof ApiError && error.code === "UNAUTHORIZED")
        reply.header("www-authenticate", challenges(access));
      return answerError(error, request, reply);
    }
  };
}

/** What a token is for, or null if it is none of this execution's. */
export type ReadToken = (executionId: string, token: string) => Promise<CallbackKey | null>;

async function identifyPhase(request: FastifyRequest, readToken: ReadToken): Promise<CallbackKey> {
  const token = keyOf(request.headers.authorization, { basic: false });
  if (token === null) throw new ApiError("UNAUTHORIZED", "the phase's token is needed: Authorization: Bearer <token>");
  const { id = "" } = request.params as { id?: string };
  const key = await readToken(id, token);
  if (!key) throw new ApiError("UNAUTHORIZED", "this is no token of a phase of this execution");
  return key;
}

async function identify(request: FastifyRequest, access: Access, findIdentity: FindIdentity) {
  const key = keyOf(request.headers.authorization, { basic: access === "admin" });
  if (key === null) throw new ApiError("UNAUTHORIZED", "an API key is needed: Authorization: Bearer <key>");
  const identity = await findIdentity(key);
  if (!identity) throw new ApiError("UNAUTHORIZED", "this API key is unknown or revoked");
  if (access === "admin") assertAdmin(request, identity.role);
  return identity;
}

function assertAdmin(request: FastifyRequest, role: string): void {
  if (role !== "admin") throw new ApiError("FORBIDDEN", "this needs an admin's key");
  // A browser adds Basic credentials to whatever another site makes it send.
  const site = request.headers["sec-fetch-site"];
  const fromElsewhere = site !== undefined && site !== "same-origin" && site !== "none";
  if (fromElsewhere && request.method !== "GET" && request.method !== "HEAD") {
    throw new ApiError("FORBIDDEN", "this cannot be asked for by another site");
  }
}

function challenges(access: Access): string[] {
  const bearer = 'Bearer realm="belfry"';
  return access === "admin" ? ['Basic realm="belfry", charset="UTF-8"', bearer] : [bearer];
}
