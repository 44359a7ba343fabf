import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { openTestLedger, rowsOf, type TestLedger } from "@belfry/testing/factories.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readDuties } from "./duties.ts";
import { runDuty } from "./run-duty.ts";

const HOUR = 3_600_000;
const duty = { name: "tidy", everyMs: HOUR };
let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});
afterEach(() => ledger.close());

const read = async () => (await readDuties(ledger.db))[0];
/** Work that goes on until it is let go, and says that it has begun. */
function heldWork() {
  const [begun, held] = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<string>()];
  const work = (signal: AbortSignal) => {
    begun.resolve(signal);
    return held.promise;
  };
  return { work, begun: begun.promise, ...held };
}

it("is done by one of many that are called at once, and what it did is recorded", async () => {
  const { work, begun, resolve } = heldWork();
  const first = runDuty(ledger.url, duty, work);
  await begun;
  expect(await read()).toMatchObject({ running: true, startedAt: expect.any(Date), doneAt: null });
  const others = await Promise.all([1, 2, 3].map(() => runDuty(ledger.url, duty, async () => "too")));
  expect(others).toEqual([{ outcome: "busy" }, { outcome: "busy" }, { outcome: "busy" }]);
  expect(await runDuty(ledger.url, { ...duty, name: "other" }, async () => "is free")).toMatchObject({
    outcome: "done",
  });
  resolve("tidied up");
  expect(await first).toEqual({ outcome: "done", result: "tidied up" });
  expect((await readDuties(ledger.db)).find(({ name }) => name === "tidy")).toMatchObject({
    running: false,
    result: "tidied up",
    error: null,
  });
});

it("is not done again within half its interval", async () => {
  const again = () => runDuty(ledger.url, duty, async () => "done");
  const makeOlder = (interval: string) =>
    ledger.db.execute(sql`update duties set done_at = done_at - ${interval}::interval`);
  expect(await again()).toMatchObject({ outcome: "done" });
  expect(await again()).toEqual({ outcome: "recent" });
  await makeOlder("29 minutes");
  expect(await again()).toEqual({ outcome: "recent" });
  await makeOlder("2 minutes");
  expect(await again()).toMatchObject({ outcome: "done" });
  // The clock of Postgres went back.
  await makeOlder("-5 hours");
  expect(await again()).toMatchObject({ outcome: "done" });
});

it("may be tried again at once when it failed, and remembers why until it is done", async () => {
  const error = new Error("no\u0000 room");
  expect(await runDuty(ledger.url, duty, () => Promise.reject(error))).toEqual({ outcome: "failed", error });
  expect(await read()).toMatchObject({ error: "no room", doneAt: null, running: false });
  expect(await runDuty(ledger.url, duty, async () => "now")).toMatchObject({ outcome: "done" });
  expect(await read()).toMatchObject({ error: null, result: "now" });
});

it("does not tell the parameters of a query that failed", async () => {
  await runDuty(ledger.url, duty, async () => String(await ledger.db.execute(sql`select ${"secret"}::int`)));
  expect((await read())?.error).toMatch(/^invalid input syntax for type integer/);
});

it("is told when it is no longer wanted", async () => {
  const stopping = new AbortController();
  const { work, begun, reject } = heldWork();
  const running = runDuty(ledger.url, duty, work, { stopping: stopping.signal });
  const signal = await begun;
  stopping.abort();
  expect(signal.aborted).toBe(true);
  reject(new Error("stopped"));
  expect(await running).toMatchObject({ outcome: "failed" });
});

it("loses its lock with its connection: its work is told, another may do it, and it cannot write", async () => {
  const proxy = await startTcpProxy(ledger.url);
  const { work, begun, resolve } = heldWork();
  const running = runDuty(proxy.url, duty, work);
  const signal = await begun;
  await proxy.cut();
  await expect.poll(() => signal.aborted).toBe(true);
  await expect
    .poll(() => runDuty(ledger.url, duty, async () => "by another"))
    .toEqual({ outcome: "done", result: "by another" });
  resolve("too late");
  expect(await running).toMatchObject({ outcome: "failed", error: { message: "the lock of duty tidy is lost" } });
  expect(await read()).toMatchObject({ result: "by another", error: null });
  await proxy.close();
});

it("keeps its lock for as long as it takes, and loses it when it is frozen", async () => {
  const times = { pingMs: 20, idleMs: 300 };
  const sleeping = heldWork();
  const running = runDuty(ledger.url, duty, sleeping.work, times);
  await sleeping.begun;
  const age = async () =>
    (
      await rowsOf<{ ms: number }>(
        ledger.db,
        sql`select (extract(epoch from clock_timestamp() - started_at) * 1000)::float8 as ms from duties`,
      )
    )[0]?.ms as number;
  await expect.poll(age, { timeout: 5_000 }).toBeGreaterThan(2 * times.idleMs);
  expect(await runDuty(ledger.url, duty, async () => "too")).toEqual({ outcome: "busy" });
  sleeping.resolve("long");
  expect(await running).toMatchObject({ outcome: "done" });

  await ledger.db.execute(sql`update duties set done_at = null`);
  // One that does not ping is what one that is frozen looks like from outside.
  const frozen = heldWork();
  const lost = runDuty(ledger.url, duty, frozen.work, { pingMs: 60_000, idleMs: 200 });
  await frozen.begun;
  await expect
    .poll(() => runDuty(ledger.url, duty, async () => "instead"), { timeout: 5_000 })
    .toEqual({ outcome: "done", result: "instead" });
  frozen.resolve("thawed");
  expect(await lost).toMatchObject({ outcome: "failed" });
  expect(await read()).toMatchObject({ result: "instead" });
});

it("is free again when the process that did it is killed", async () => {
  const file = fileURLToPath(new URL("run-duty.ts", import.meta.url));
  const program = `
    const { runDuty } = await import(${JSON.stringify(file)});
    await runDuty(process.env.URL, { name: "tidy", everyMs: ${HOUR} }, () => {
      console.log("begun");
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, URL: ledger.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect(await runDuty(ledger.url, duty, async () => "too")).toEqual({ outcome: "busy" });
  child.kill("SIGKILL");
  await expect.poll(() => runDuty(ledger.url, duty, async () => "instead")).toMatchObject({ outcome: "done" });
});

it("says so when Postgres does not answer", async () => {
  await expect(runDuty("postgres://127.0.0.1:1/none", duty, async () => "")).rejects.toThrow("ECONNREFUSED");
});
