import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { openDatabase } from "@belfry/db/client.ts";
import { createLogger } from "@belfry/service/logger.ts";
import { buildApp } from "./build-app.ts";
import { clientSource, type OpenApi } from "./client-source.ts";

/** Writes what the client knows of the API, after its routes or their shapes have changed. */
const file = new URL("../../packages/client/api.ts", import.meta.url).pathname;

// Nothing is asked of the database: the document is made of the routes alone.
const databaseUrl = "postgres://127.0.0.1:1/none";
const { db, close } = openDatabase({ url: databaseUrl, applicationName: "none", onError: () => undefined });
const options = { db, databaseUrl, log: createLogger("client", "silent"), docsEnabled: false };
const app = await buildApp(options);
writeFileSync(file, clientSource((await app.inject("/openapi.json")).json<OpenApi>()));
execFileSync("biome", ["format", "--write", file]);
await app.close();
await close();
