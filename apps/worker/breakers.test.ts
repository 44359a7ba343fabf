/** One worker's part in the circuit breakers, with a real database: what it notes, and what it asks for. */
import type { ClaimedBreaker, ClaimedExecution } from "@belfry/db/executions.ts";
import { getFunction } from "@belfry/db/functions.ts";
import { createLogger } from "@belfry/service/logger.ts";
import { makeAccount, openTestLedger, type TestAccount, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Breakers, createBreakers } from "./breakers.ts";

let test: TestLedger;
let account: TestAccount;
let breakers: Breakers;
const log = createLogger("test", "silent", { write: () => undefined });

beforeAll(async () => {
  test = await openTestLedger();
});
beforeEach(async () => {
  account = await makeAccount(test.db, { breaker: { failures: 3, open_seconds: 10 } });
  breakers = createBreakers(test.db, log, new AbortController().signal);
});
afterAll(() => test.close());

type Called = Parameters<Breakers["note"]>[0];
/** As a claim has it that was made while the breaker was so; healthy unless told otherwise. */
const claim = (breaker: ClaimedBreaker | null = null, kind: "http" | "module" = "http"): Called => ({
  executionId: crypto.randomUUID(),
  attempt: 1,
  functionId: account.functionId,
  function: { kind, breaker } as ClaimedExecution["function"],
});
const open = (retryInMs: number): ClaimedBreaker => ({ state: "open", retryInMs, openSeconds: 10 });
async function breaker() {
  const fn = await getFunction(test.db, account.accountId, account.functionId);
  return { state: fn?.breakerState, failed: fn?.breakerFailed };
}
const version = async () =>
  (await test.db.execute<{ xmin: string }>(sql`select xmin::text from functions where id = ${account.functionId}`))
    .rows[0]?.xmin;

describe("what an attempt came to", () => {
  it("costs nothing while all is well, nor of a module, nor if it says nothing", async () => {
    const before = await version();
    await breakers.note(claim(), "answers");
    await breakers.note(claim(), "nothing");
    await breakers.note(claim(null, "module"), "fails");
    expect(await version()).toBe(before);
  });

  it("is counted also when many end at once", async () => {
    await Promise.all([1, 2, 3, 4].map(() => breakers.note(claim(), "fails")));
    expect((await breaker()).state).toBe("open");
  });

  it("begins the count anew when it answers, as far as this worker has counted itself or its claim said so", async () => {
    await breakers.note(claim(), "fails");
    await breakers.note(claim(), "fails");
    await breakers.note(claim(), "answers");
    expect(await breaker()).toEqual({ state: "closed", failed: 0 });
    await breakers.note(claim(), "fails");
    const another = createBreakers(test.db, log, new AbortController().signal);
    await another.note(claim({ state: "closed", retryInMs: null, openSeconds: 10 }), "answers");
    expect(await breaker()).toEqual({ state: "closed", failed: 0 });
  });

  it("is in order: failures before an answer do not count with those after it", async () => {
    await Promise.all(
      (["fails", "fails", "answers", "fails", "fails"] as const).map((sign) => breakers.note(claim(), sign)),
    );
    expect(await breaker()).toEqual({ state: "closed", failed: 2 });
  });
});

describe("whether a function may be called", () => {
  it("is yes while its breaker is closed, and no until the breaker lets one try", async () => {
    expect(await breakers.delay(claim())).toBeNull();
    expect(await breakers.delay(claim({ state: "closed", retryInMs: null, openSeconds: 10 }))).toBeNull();
    expect(await breakers.delay(claim(open(5_000)))).toBeGreaterThanOrEqual(5_000);
  });

  it("is yes for one that may try, and its end is the breaker's", async () => {
    for (let i = 0; i < 3; i++) await breakers.note(claim(), "fails");
    await test.db.execute(sql`update functions set breaker_retry_at = now() where id = ${account.functionId}`);
    const claims = Array.from({ length: 10 }, () => claim(open(0)));
    const delays = await Promise.all(claims.map((one) => breakers.delay(one)));
    const tries = claims.filter((_, i) => delays[i] === null);
    expect(tries).toHaveLength(1);
    await breakers.note(claims.find((one) => !tries.includes(one)) as Called, "answers");
    expect((await breaker()).state).toBe("half_open");
    await breakers.note(tries[0] as Called, "answers");
    expect(await breaker()).toEqual({ state: "closed", failed: 0 });
  });
});
