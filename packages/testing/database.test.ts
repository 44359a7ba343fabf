import pg from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "./database.ts";

async function query(database: TestDatabase, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("a test database", () => {
  it("is migrated, and nobody else's", async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await query(one, "CREATE TABLE mine (id int)");
    expect(await query(one, "SELECT count(*)::int AS count FROM jobs")).toEqual([{ count: 0 }]);
    expect(await query(other, "SELECT to_regclass('mine') AS mine")).toEqual([{ mine: null }]);
    await Promise.all([one.drop(), other.drop()]);
  });

  it("is dropped even while somebody is connected", async () => {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    const broken = new Promise((resolve) => client.on("error", resolve));
    await client.connect();
    await database.drop();
    await broken;
    await expect(query(database, "SELECT 1")).rejects.toThrow("does not exist");
  });
});
