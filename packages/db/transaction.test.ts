import { openTestLedger, rowsOf, type TestLedger } from "@belfry/testing/factories.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Db, openDatabase } from "./client.ts";
import { isTransient } from "./pg-error.ts";
import { inTransaction } from "./transaction.ts";

let ledger: TestLedger;
let db: Db;

beforeEach(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  await db.execute(sql`create table notes (text text primary key)`);
});
afterEach(() => ledger.close());

const note = (tx: Db, text: string) => tx.execute(sql`insert into notes values (${text})`);
const notes = async () =>
  (await rowsOf<{ text: string }>(db, sql`select text from notes order by text`)).map((row) => row.text);

describe("a transaction", () => {
  it("keeps all of what it did, or nothing", async () => {
    expect(
      await inTransaction(db, async (tx) => {
        await note(tx, "a");
        return "result";
      }),
    ).toBe("result");
    const failing = inTransaction(db, async (tx) => {
      await note(tx, "b");
      throw new Error("in the middle");
    });
    await expect(failing).rejects.toThrow("in the middle");
    expect(await notes()).toEqual(["a"]);
  });

  it("within another one takes back its own part only", async () => {
    await inTransaction(db, async (tx) => {
      await note(tx, "outer");
      await expect(inTransaction(tx, (inner) => note(inner, "outer"))).rejects.toThrow();
      await inTransaction(tx, (inner) => note(inner, "inner"));
    });
    expect(await notes()).toEqual(["inner", "outer"]);
  });

  it("whose connection is ended by the server fails, and its process and pool live on", async () => {
    const cut = inTransaction(db, async (tx) => {
      await note(tx, "lost");
      const [own] = await rowsOf<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`);
      await db.execute(sql`select pg_terminate_backend(${own?.pid})`);
      await note(tx, "never");
    });
    await expect(cut).rejects.toSatisfy(isTransient);
    await Promise.all(Array.from({ length: 20 }, (_, i) => inTransaction(db, (tx) => note(tx, `after ${i}`))));
    expect(await notes()).toHaveLength(20);
  });
});

it("leaves no connection behind when many fail at once", async () => {
  const proxy = await startTcpProxy(ledger.url);
  const { db: through, close } = openDatabase({
    url: proxy.url,
    max: 4,
    applicationName: "test",
    onError: () => undefined,
    deadlineMs: 2_000,
  });
  await inTransaction(through, (tx) => note(tx, "before"));
  await proxy.cut();
  const all = await Promise.allSettled(
    Array.from({ length: 12 }, (_, i) => inTransaction(through, (tx) => note(tx, `cut ${i}`))),
  );
  expect(all.every((one) => one.status === "rejected")).toBe(true);
  await proxy.restore();
  await Promise.all(Array.from({ length: 12 }, (_, i) => inTransaction(through, (tx) => note(tx, `again ${i}`))));
  expect(await notes()).toHaveLength(13);
  await close();
  await proxy.close();
});
