import { openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { databaseNow } from "./client.ts";
import { lateDuties, lateSince, readDuties, registerDuties } from "./duties.ts";
import { runDuty } from "./run-duty.ts";

const HOUR = 3_600_000;
let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});
afterEach(() => ledger.close());

const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);

describe("the cluster's duties", () => {
  it("are those that were registered last, and keep what is known of them", async () => {
    const { db, url } = ledger;
    await registerDuties(db, [
      { name: "workers", everyMs: HOUR },
      { name: "audit", everyMs: HOUR },
    ]);
    await runDuty(url, { name: "audit", everyMs: HOUR }, async () => "3 jobs");
    await registerDuties(db, [{ name: "audit", everyMs: 2 * HOUR }]);
    expect(await readDuties(db)).toEqual([
      {
        name: "audit",
        everyMs: 2 * HOUR,
        registeredAt: expect.any(Date),
        startedAt: expect.any(Date),
        doneAt: expect.any(Date),
        result: "3 jobs",
        error: null,
        late: false,
        running: false,
      },
    ]);
    await registerDuties(db, []);
    expect(await readDuties(db)).toEqual([]);
  });

  it("are late a minute after twice their interval: since they were done, or since they were registered", async () => {
    const { db, url } = ledger;
    await registerDuties(db, [
      { name: "hourly", everyMs: HOUR },
      { name: "daily", everyMs: 24 * HOUR },
    ]);
    const now = await databaseNow(db);
    expect(await lateDuties(db)).toEqual([]);
    expect(await lateDuties(db, { now: now + 2 * HOUR + 50_000 })).toEqual([]);
    const [hourly] = await lateDuties(db, { now: now + 2 * HOUR + 70_000 });
    expect(hourly).toMatchObject({ name: "hourly", doneAt: null, late: true });
    expect(lateSince(hourly as NonNullable<typeof hourly>)).toEqual(hourly?.registeredAt);
    expect(names(await lateDuties(db, { now: now + 49 * HOUR }))).toEqual(["daily", "hourly"]);

    await db.execute(sql`update duties set registered_at = registered_at - interval '9 hours' where name = 'hourly'`);
    expect(names(await lateDuties(db))).toEqual(["hourly"]);
    await runDuty(url, { name: "hourly", everyMs: HOUR }, async () => "done");
    expect(await lateDuties(db)).toEqual([]);
    expect(names(await lateDuties(db, { lateByMs: -3 * HOUR }))).toEqual(["hourly"]);
  });
});
