import { METRICS_TYPE } from "@belfry/service/metrics.ts";
import type { Route } from "../app.ts";

/** For Prometheus, with an admin's key: the text names accounts and functions. */
export const metricsRoute: Route = (app, { metrics }) =>
  app.route({
    method: "GET",
    url: "/metrics",
    config: { access: "admin" },
    // It is no JSON, and of no use to a client of the API.
    schema: { hide: true },
    handler: async (_request, reply) => reply.type(METRICS_TYPE).send(await metrics.text()),
  });
