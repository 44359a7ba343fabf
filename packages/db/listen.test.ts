import { openTestLedger, rowsOf, type TestLedger } from "@belfry/testing/factories.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Listener, listen } from "./listen.ts";

let ledger: TestLedger;
let listeners: Listener[] = [];

beforeAll(async () => {
  ledger = await openTestLedger();
});
afterEach(async () => {
  await Promise.all(listeners.map((listener) => listener.close()));
  listeners = [];
});
afterAll(() => ledger.close());

/** A listener on a channel that remembers what it was told. */
function hear(channel: string, url = ledger.url) {
  const heard = { payloads: [] as string[], connects: 0, errors: [] as Error[] };
  const listener = listen(url, channel, {
    onNotify: (payload) => heard.payloads.push(payload),
    onConnect: () => heard.connects++,
    onError: (error) => heard.errors.push(error),
  });
  listeners.push(listener);
  return {
    heard,
    listener,
    connected: (n: number) => expect.poll(() => heard.connects, { timeout: 10_000, interval: 10 }).toBe(n),
  };
}

const notify = (channel: string, payload: string) => ledger.db.execute(sql`select pg_notify(${channel}, ${payload})`);
const connectionsOf = (channel: string) =>
  rowsOf<{ pid: number }>(
    ledger.db,
    sql`select pid from pg_stat_activity where datname = current_database() and application_name = ${`belfry listen ${channel}`}`,
  );

it("hears what is said on its channel, in order, and nothing else", async () => {
  const { heard, connected } = hear("one");
  await connected(1);
  await notify("other", "not for us");
  for (const payload of ["a", "", "b"]) await notify("one", payload);
  await expect.poll(() => heard.payloads).toEqual(["a", "", "b"]);
  expect(heard.errors).toEqual([]);
});

it("hears of a transaction only when it has committed", async () => {
  const { heard, connected } = hear("committed");
  await connected(1);
  const undone = ledger.db.transaction(async (tx) => {
    await tx.execute(sql`select pg_notify('committed', 'undone')`);
    throw new Error("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  await notify("committed", "done");
  await expect.poll(() => heard.payloads).toEqual(["done"]);
});

it("connects again when its connection was killed, and says so, since something may have been missed", async () => {
  const { heard, connected } = hear("killed");
  await connected(1);
  for (const times of [2, 3]) {
    await ledger.db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'belfry listen killed'`);
    await connected(times);
    expect(heard.errors.length).toBeGreaterThanOrEqual(times - 1);
  }
  await notify("killed", "still there");
  await expect.poll(() => heard.payloads).toEqual(["still there"]);
  expect(await connectionsOf("killed")).toHaveLength(1);
});

it("tries on while the server cannot be had, until it is closed", async () => {
  const { heard, listener } = hear("away", "postgres://127.0.0.1:1/nowhere");
  await expect.poll(() => heard.errors.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
  await listener.close();
  expect(heard.connects).toBe(0);
});

it("gives its connection back when it is closed", async () => {
  const { listener, connected } = hear("closed");
  await connected(1);
  expect(await connectionsOf("closed")).toHaveLength(1);
  await listener.close();
  await expect.poll(() => connectionsOf("closed")).toEqual([]);
});

it("may be closed before it has connected", async () => {
  const { listener } = hear("hasty");
  await listener.close();
  await expect.poll(() => connectionsOf("hasty")).toEqual([]);
});

it("connects again when the connection breaks just as it is set up", async () => {
  const proxy = await startTcpProxy(ledger.url);
  // The query, that is, and not the connection's name: 19 is the length of its message.
  proxy.cutAt("\u0013listen unlucky");
  const { heard, connected } = hear("unlucky", proxy.url);
  await connected(1);
  expect(heard.errors).toHaveLength(1);
  await notify("unlucky", "heard after all");
  await expect.poll(() => heard.payloads).toEqual(["heard after all"]);
  await proxy.close();
});
