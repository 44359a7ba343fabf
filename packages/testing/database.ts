import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { onServer, urlOfDatabase } from "./postgres-admin.ts";
import type {} from "./provided.ts";

export interface TestDatabase {
  url: string;
  /** Drops the database, with whatever is still connected to it. */
  drop(): Promise<void>;
}

/** A fresh, migrated, empty database for one test file (or one test): a copy of the template, made in some 50 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { adminUrl, runId, template } = inject("servers");
  const name = `belfry_test_${runId}_${randomBytes(5).toString("hex")}`;
  await onServer(adminUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  return {
    url: urlOfDatabase(adminUrl, name),
    drop: () =>
      onServer(adminUrl, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
  };
}
