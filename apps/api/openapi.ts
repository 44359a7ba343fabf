import { STATUS_CODES } from "node:http";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { answerNames } from "./answers.ts";
import type { App } from "./app.ts";

/** Documents every route that is added after this from the schemas that validate it: `/openapi.json`. */
export async function registerOpenApi(app: App): Promise<void> {
  const withComponents = createJsonSchemaTransformObject({ schemaRegistry: answerNames });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Belfry",
        description: "Runs functions on schedule and records what became of each run.",
        version: "0.1.0",
      },
      servers: [{ url: "/" }],
      tags: [
        { name: "functions", description: "What to call." },
        { name: "jobs", description: "When to call it, with what, and how often to try." },
        { name: "schedules", description: "What one may write for when, tried before a job has it." },
        {
          name: "calendars",
          description: "Dates that schedules share: holidays to leave out, or the only days to run on.",
        },
        { name: "executions", description: "What became of it: one record for each occurrence and each manual run." },
        { name: "accounts", description: "What an account may do at most." },
        { name: "system", description: "What the cluster does for itself. For admins." },
        { name: "health", description: "For those who run Belfry." },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: "http", scheme: "bearer", description: "The account's API key." },
          phaseToken: {
            type: "http",
            scheme: "bearer",
            description: "The token that a function was given in `belfry.callback` with the call of one phase.",
          },
        },
      },
      security: [{ apiKey: [] }],
    },
    transform: createJsonSchemaTransform({ schemaRegistry: answerNames }),
    transformObject: (document) => tidy(withComponents(document)),
  });
  app.route({
    method: "GET",
    url: "/openapi.json",
    config: { access: "public" },
    schema: { hide: true },
    handler: () => app.swagger(),
  });
}

/** A page to read and try it: `/docs`. */
export async function registerDocs(app: App): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "public" };
    });
    // Without the bar of the page's makers, which lets one open other documents.
    const css = [{ filename: "belfry.css", content: ".swagger-ui .topbar { display: none }" }];
    await scope.register(swaggerUi, { routePrefix: "/docs", theme: { title: "Belfry", css } });
  });
}

/** Takes out what the tools put in for want of better: every schema a second time for its use in requests, answers named "Default Response", and for lines the schema of the JSON that may come in their place. */
function tidy<Document extends object>(document: Document): Document {
  const { components, paths } = document as { components?: Components; paths?: Paths };
  const schemas = components?.schemas ?? {};
  for (const name of Object.keys(schemas)) if (name.endsWith("Input")) delete schemas[name];
  for (const operation of Object.values(paths ?? {}).flatMap((path) => Object.values(path))) {
    const content = operation.requestBody?.content;
    // In place of an object that it shares with the JSON beside it.
    if (content?.["application/x-ndjson"]) content["application/x-ndjson"] = { schema: LINES };
    for (const [status, response] of Object.entries(operation.responses ?? {})) {
      if (response.description === "Default Response") response.description = STATUS_CODES[status] ?? "";
    }
  }
  return document;
}

const LINES = { type: "string", description: "One document a line." };

type Components = { schemas?: Record<string, unknown> };
type Paths = Record<string, Record<string, Operation>>;
type Operation = {
  requestBody?: { content: Record<string, { schema: object }> };
  responses?: Record<string, { description: string }>;
};
