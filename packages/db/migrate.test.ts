import { randomBytes } from "node:crypto";
import { rowsOf } from "@belfry/testing/factories.ts";
import { onServer, urlOfDatabase } from "@belfry/testing/postgres-admin.ts";
import type {} from "@belfry/testing/provided.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { assertMigrated } from "./assert-migrated.ts";
import { type Database, openDatabase } from "./client.ts";
import { migrateDatabase } from "./migrate.ts";

let url: string;
let database: Database;
let drop: () => Promise<void>;

/** A database without anything in it. */
beforeEach(async () => {
  const { adminUrl, runId } = inject("servers");
  const name = `belfry_test_${runId}_${randomBytes(5).toString("hex")}`;
  await onServer(adminUrl, (client) => client.query(`create database ${name} template template0`));
  url = urlOfDatabase(adminUrl, name);
  database = openDatabase({ url, applicationName: "test", onError: () => undefined });
  drop = () => onServer(adminUrl, async (client) => void (await client.query(`drop database ${name} with (force)`)));
});
afterEach(async () => {
  await database.close();
  await drop();
});

const applied = () =>
  rowsOf(database.db, sql`select id, hash, created_at from drizzle.__drizzle_migrations order by id`);

describe("a migration", () => {
  it("makes the schema, and does nothing the second time", async () => {
    await migrateDatabase(url);
    const first = await applied();
    expect(first.length).toBeGreaterThan(0);
    await migrateDatabase(url);
    expect(await applied()).toEqual(first);
    await expect(assertMigrated(database.db)).resolves.toBeUndefined();
  });

  it("is done once when several ask for it at the same time", async () => {
    await Promise.all(Array.from({ length: 5 }, () => migrateDatabase(url)));
    const once = await applied();
    expect(new Set(once.map((row) => row.hash)).size).toBe(once.length);
    await assertMigrated(database.db);
  });

  it("leaves nothing behind when it fails, and can be done then", async () => {
    await database.db.execute(sql`create table jobs (id int)`);
    await expect(migrateDatabase(url)).rejects.toThrow();
    const left = await rowsOf(
      database.db,
      sql`select table_name from information_schema.tables where table_schema = 'public'`,
    );
    expect(left).toEqual([{ table_name: "jobs" }]);
    await database.db.execute(sql`drop table jobs`);
    await migrateDatabase(url);
    await assertMigrated(database.db);
  });
});

describe("a process finds out at its start", () => {
  it("that there is no schema", async () => {
    await expect(assertMigrated(database.db)).rejects.toThrow(
      "the database has no Belfry schema: run `belfry migrate`",
    );
  });

  it("that a migration was begun and did not come to its first step", async () => {
    await database.db.execute(sql`create schema drizzle`);
    await database.db.execute(
      sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
    await expect(assertMigrated(database.db)).rejects.toThrow("no Belfry schema");
  });

  it("that the schema is too old; one that is newer will do, since a cluster is upgraded process by process", async () => {
    await migrateDatabase(url);
    await database.db.execute(sql`update drizzle.__drizzle_migrations set created_at = created_at - 1`);
    await expect(assertMigrated(database.db)).rejects.toThrow(
      "the database has an older schema than this version needs: run `belfry migrate`",
    );
    await database.db.execute(sql`update drizzle.__drizzle_migrations set created_at = created_at + 2`);
    await expect(assertMigrated(database.db)).resolves.toBeUndefined();
  });

  it("that the database cannot be reached", async () => {
    const gone = new URL(url);
    gone.pathname = "/nowhere";
    const { db, close } = openDatabase({ url: gone.href, applicationName: "test", onError: () => undefined });
    await expect(assertMigrated(db)).rejects.toMatchObject({
      message: "DATABASE_URL: cannot reach Postgres",
      cause: { cause: { message: 'database "nowhere" does not exist' } },
    });
    await close();
  });
});
