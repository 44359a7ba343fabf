import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import { onServer } from "@belfry/testing/postgres-admin.ts";
import { afterAll, beforeEach, expect, it } from "vitest";
import { assertSettings, judgeSettings, type SessionSettings } from "./assert-settings.ts";
import { openDatabase } from "./client.ts";

let database: TestDatabase;

beforeEach(async () => {
  await database?.drop();
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What a process of ours finds that is given this URL. */
async function found(url: string): Promise<string[]> {
  const { db, close } = openDatabase({ url, applicationName: "test", onError: () => undefined });
  try {
    return await assertSettings(db);
  } finally {
    await close();
  }
}

/** Settings that whoever runs the database has made for all who use it. */
const alter = (...settings: string[]) =>
  onServer(database.url, async (client) => {
    for (const setting of settings)
      await client.query(`alter database ${new URL(database.url).pathname.slice(1)} set ${setting}`);
  });

/** Options of its own in the URL take the place of ours, as a pooler that swallows them does. */
const withoutOurOptions = (): string => `${database.url}?options=-c%20geqo%3Don`;

it("finds nothing amiss on a server as it comes", async () => {
  expect(await found(database.url)).toEqual([]);
});

it("finds nothing amiss where the database's own settings give way to those of our connections", async () => {
  await alter("synchronous_commit = off", "timezone = 'Asia/Tokyo'", "statement_timeout = 0", "lock_timeout = '1h'");
  expect(await found(database.url)).toEqual([]);
});

it("refuses commits that a crash could lose", async () => {
  await alter("synchronous_commit = off", "timezone = 'UTC'");
  await expect(found(withoutOurOptions())).rejects.toThrow(
    "DATABASE_URL: synchronous_commit is off for our connections: a crash of Postgres would lose what was acknowledged",
  );
});

it("refuses another time zone", async () => {
  await alter("timezone = 'Asia/Tokyo'");
  await expect(found(withoutOurOptions())).rejects.toThrow(
    "DATABASE_URL: the time zone of our connections is Asia/Tokyo, and must be UTC",
  );
});

it.each([
  ["statement_timeout=0", "statement_timeout is off for our connections, and must be 8000 ms"],
  ["lock_timeout=60000", "lock_timeout is 60000 ms for our connections, and must be 2000 ms at most"],
  [
    "idle_in_transaction_session_timeout=0",
    "idle_in_transaction_session_timeout is off for our connections, and must be 3000 ms",
  ],
])("refuses a connection without our time-outs: %s", async (parameter, reason) => {
  await expect(found(`${database.url}?${parameter}`)).rejects.toThrow(`DATABASE_URL: ${reason}`);
});

it("takes time-outs that are shorter", async () => {
  expect(await found(`${database.url}?statement_timeout=5000`)).toEqual([]);
});

const sound: SessionSettings = {
  serverVersion: 17,
  synchronousCommit: "on",
  timezone: "UTC",
  statementTimeout: 8_000,
  lockTimeout: 2_000,
  idleInTransactionTimeout: 3_000,
  maxConnections: 100,
};

it("judges versions, and only warns of few connections", () => {
  expect(judgeSettings(sound)).toEqual({ refusals: [], warnings: [] });
  expect(
    judgeSettings({ ...sound, serverVersion: 15, timezone: "Etc/UTC", synchronousCommit: "remote_apply" }),
  ).toEqual({
    refusals: [],
    warnings: [],
  });
  expect(judgeSettings({ ...sound, serverVersion: 14 }).refusals).toEqual([
    "Postgres is version 14, and must be 15 or newer",
  ]);
  expect(judgeSettings({ ...sound, maxConnections: 20 })).toEqual({
    refusals: [],
    warnings: ["max_connections of Postgres is 20: a small cluster may need 80"],
  });
});

it("names all that is amiss in one line", () => {
  const { refusals } = judgeSettings({ ...sound, serverVersion: 12, synchronousCommit: "off", lockTimeout: 0 });
  expect(refusals).toHaveLength(3);
});
