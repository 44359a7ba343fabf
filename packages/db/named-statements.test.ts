import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "./client.ts";
import { nameStatements } from "./named-statements.ts";

let database: TestDatabase;
let client: pg.Client;
let now: number;

beforeEach(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  now = 0;
  nameStatements(client, () => now);
  await client.query("create table things (id int primary key)");
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

/** The statements that the connection keeps, but for this question. */
async function kept(): Promise<{ statement: string; generic: number; custom: number }[]> {
  const { rows } = await client.query(
    `select statement, generic_plans::int as generic, custom_plans::int as custom from pg_prepared_statements order by prepare_time`,
  );
  return rows;
}

/** Whether one of the table is found by reading all of it or by its index. */
async function wayToFind(): Promise<"reads" | "looks up"> {
  const lookUps = async () => {
    const { rows } = await client.query(
      "select idx_scan::int as n from pg_stat_xact_user_tables where relname = 'things'",
    );
    return rows[0].n;
  };
  await client.query("begin");
  const before = await lookUps();
  await client.query({ text: "select from things where id = $1" }, [1]);
  const after = await lookUps();
  await client.query("commit");
  return after > before ? "looks up" : "reads";
}

async function times(n: number, ask: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < n; i++) await ask(i);
}

describe("a statement with parameters", () => {
  it("is kept by the connection once it has come a few times, and answers as before", async () => {
    const text = "select id + $1::int as sum from generate_series(1, 2) as given(id)";
    for (const n of [10, 20, 30, 40]) {
      const { rows } = await client.query({ text }, [n]);
      expect(rows).toEqual([{ sum: n + 1 }, { sum: n + 2 }]);
    }
    expect(await kept()).toMatchObject([{ statement: text }]);
  });

  it("is not kept if it comes once", async () => {
    await times(20, (i) => client.query({ text: `select ${i} + $1::int` }, [i]));
    expect(await kept()).toEqual([]);
  });

  it("may be refused and asked again, in a transaction that failed as well", async () => {
    const insert = (id: number) => client.query({ text: "insert into things values ($1)" }, [id]);
    await times(3, insert);
    await expect(insert(1)).rejects.toThrow("duplicate key");
    await client.query("begin");
    await expect(insert(1)).rejects.toThrow("duplicate key");
    now += 60_000;
    await expect(insert(3)).rejects.toThrow("current transaction is aborted");
    await client.query("rollback");
    await insert(3);
    const { rows } = await client.query("select id from things order by id");
    expect(rows).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it("is planned for the tables as they have become, soon after", async () => {
    await client.query("set plan_cache_mode = force_generic_plan");
    await client.query("insert into things values (1)");
    await client.query("analyze things");
    // As long as a table is one page, reading it is the best way to find anything in it.
    await times(3, wayToFind);
    expect(await wayToFind()).toBe("reads");
    await client.query("insert into things select generate_series(2, 20000)");
    expect(await wayToFind()).toBe("reads");
    now += 60_000;
    expect(await wayToFind()).toBe("looks up");
  });
});

it("without parameters is sent as it is", async () => {
  await times(5, () => client.query({ text: "select count(*) from things" }));
  expect(await kept()).toEqual([]);
});

it("with keepPlans is planned once for all values", async () => {
  const { db, close } = openDatabase({
    url: database.url,
    max: 1,
    applicationName: "test",
    onError: () => undefined,
    keepPlans: true,
  });
  const { $client } = db as unknown as { $client: pg.Pool };
  await times(10, (i) => $client.query({ text: "select from things where id = $1" }, [i]));
  const { rows } = await $client.query("select custom_plans::int as custom from pg_prepared_statements");
  expect(rows).toEqual([{ custom: 0 }]);
  await close();
});
