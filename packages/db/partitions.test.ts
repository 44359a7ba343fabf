import { makeAccount, makeJob, openTestLedger, rowsOf, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { databaseNow } from "./client.ts";
import { runJob } from "./jobs.ts";
import { makePartitions, type Partition, type PartitionedTable, readPartitions } from "./partitions.ts";

const DAY = 86_400_000;
/** A month in which a fresh database has no partition yet. */
const SPRING = Date.parse("2031-03-05T12:00:00Z");

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await openTestLedger();
});
afterEach(() => ledger.close());

/** Those of the spring, as days. */
async function days(table: PartitionedTable): Promise<[string, string][]> {
  const partitions = await readPartitions(ledger.db, table);
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return partitions.filter(({ from }) => from > SPRING - 60 * DAY).map(({ from, to }) => [day(from), day(to)]);
}

describe("the partitions of the ledger", () => {
  it("cover the present and some days ahead when the schema has been made", async () => {
    const now = await databaseNow(ledger.db);
    for (const table of ["executions", "attempts"] as const) {
      const partitions = await readPartitions(ledger.db, table);
      expect(partitions[0]?.from).toBeLessThanOrEqual(now);
      expect(partitions.at(-1)?.to).toBeGreaterThan(now + 3 * DAY);
    }
  });

  it.each([
    [14, "a day", "2031-03-06"],
    [90, "a week", "2031-03-06"],
    [365, "four weeks", "2031-03-06"],
    [0, "four weeks", "2031-03-06"],
  ])("kept for %s days are those of %s", async (retentionDays, _period, firstEnd) => {
    await makePartitions(ledger.db, { now: SPRING, retentionDays });
    const made = await days("executions");
    expect(made[0]?.[1]).toBe(firstEnd);
    expect(made.map(([from]) => from).slice(1)).toEqual(made.map(([, to]) => to).slice(0, -1));
    expect(await days("attempts")).toEqual(made);
  });

  it("are made once, however many make them", async () => {
    const made = await Promise.all(
      Array.from({ length: 5 }, () => makePartitions(ledger.db, { now: SPRING, retentionDays: 7 })),
    );
    expect(made.flat().toSorted()).toEqual([
      ...["05", "06", "07", "08", "09"].map((day) => `attempts_203103${day}`),
      ...["05", "06", "07", "08", "09"].map((day) => `executions_203103${day}`),
    ]);
  });

  it("go on where the last one ends when their length changes", async () => {
    await makePartitions(ledger.db, { now: SPRING, retentionDays: 90 });
    await makePartitions(ledger.db, { now: SPRING + 6 * DAY, retentionDays: 365 });
    expect(await days("executions")).toEqual([
      ["2031-02-27", "2031-03-06"],
      ["2031-03-06", "2031-03-13"],
      ["2031-03-13", "2031-03-20"],
      ["2031-03-20", "2031-04-03"],
      ["2031-04-03", "2031-05-01"],
    ]);
  });

  it("take over what was written before there were any", async () => {
    const { db } = ledger;
    const account = await makeAccount(db);
    const jobId = await makeJob(db, account);
    await db.execute(sql`drop table ${sql.identifier(await presentPartition())}`);
    await runJob(db, account.accountId, jobId);
    expect(await tableOf(jobId)).toBe("executions_default");
    const [name] = await makePartitions(db, { now: await databaseNow(db), retentionDays: 1 });
    expect(await tableOf(jobId)).toBe(name);
    expect(await rowsOf(db, sql`select from executions_default`)).toEqual([]);
  });
});

async function presentPartition(): Promise<string> {
  const now = await databaseNow(ledger.db);
  const partitions = await readPartitions(ledger.db, "executions");
  return (partitions.find(({ from, to }) => from <= now && now < to) as Partition).name;
}

async function tableOf(jobId: string): Promise<string | undefined> {
  const [row] = await rowsOf<{ name: string }>(
    ledger.db,
    sql`select tableoid::regclass::text as name from executions where job_id = ${jobId}`,
  );
  return row?.name;
}
