import { ApiError } from "@belfry/contract/errors.ts";
import { databaseNow } from "@belfry/db/client.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { z } from "zod";
import { publicErrorAnswers } from "../answers.ts";
import type { Route } from "../app.ts";

const DATABASE_DEADLINE_MS = 2_000;

const ok = z.object({ ok: z.literal(true) });

/** Whether the process runs, whatever becomes of the servers it needs. */
export const livezRoute: Route = (app) =>
  app.route({
    method: "GET",
    url: "/livez",
    config: { access: "public" },
    schema: {
      operationId: "livez",
      summary: "Whether the process runs",
      tags: ["health"],
      security: [],
      response: { 200: ok },
    },
    handler: () => ({ ok: true as const }),
  });

/** Whether it is to be sent requests: not while its database is silent, nor from the moment when it begins to stop. */
export const readyzRoute: Route = (app, { db }) => {
  let draining = false;
  app.addHook("preClose", async () => {
    draining = true;
  });
  app.route({
    method: "GET",
    url: "/readyz",
    config: { access: "public" },
    schema: {
      operationId: "readyz",
      summary: "Whether requests may be sent here",
      tags: ["health"],
      security: [],
      response: { 200: ok, ...publicErrorAnswers("UNAVAILABLE") },
    },
    async handler() {
      if (draining) throw new ApiError("UNAVAILABLE", "this process is stopping");
      await withDeadline("the database", DATABASE_DEADLINE_MS, databaseNow(db)).catch((cause: unknown) => {
        throw Object.assign(new ApiError("UNAVAILABLE", "the database does not answer"), { cause });
      });
      return { ok: true as const };
    },
  });
};
