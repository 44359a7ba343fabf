import { readRegistry } from "@belfry/db/read-registry.ts";
import { errorAnswers, registryAnswer } from "../../answers.ts";
import type { Route } from "../../app.ts";
import { presentRegistry } from "../../present-registry.ts";

export const getRegistryRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/registry",
    schema: {
      operationId: "getRegistry",
      summary: "Say which worker offers which module",
      description:
        "A module without workers is one that a worker has offered before. `problems` are the files that workers cannot use. Paths and the names of machines are for admins.",
      tags: ["functions"],
      response: { 200: registryAnswer, ...errorAnswers() },
    },
    handler: async (request) => presentRegistry(await readRegistry(db), request.identity?.role ?? "member"),
  });
