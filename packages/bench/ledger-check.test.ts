import { randomUUID } from "node:crypto";
import { openDatabase } from "@belfry/db/client.ts";
import { insertOccurrences } from "@belfry/db/executions.ts";
import { createTestDatabase } from "@belfry/testing/database.ts";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { countLedger, createPlanTable, ledgerProblems } from "./ledger-check.ts";

const right = {
  planned: 1_000,
  recorded: 1_000,
  missing: 0,
  duplicates: 0,
  unplanned: 0,
  unsuccessful: 0,
  withoutPhases: 0,
  repeated: 0,
};

describe("ledgerProblems", () => {
  it("has nothing to say when every planned occurrence was performed and recorded once", () => {
    expect(ledgerProblems(right)).toEqual([]);
  });

  it("names each thing that is wrong", () => {
    expect(ledgerProblems({ ...right, recorded: 998, missing: 2, unsuccessful: 5 })).toEqual([
      "2 planned occurrences without a record",
      "5 executions that are not successful",
    ]);
  });

  it("does not take an empty run for a good one", () => {
    expect(ledgerProblems({ ...right, planned: 0, recorded: 0 })).toEqual(["nothing was planned"]);
  });
});

describe("countLedger", () => {
  it("tells what is missing, not planned, or not done from what is right", async () => {
    await using scope = new AsyncDisposableStack();
    const { url, drop } = await createTestDatabase();
    scope.defer(drop);
    const { db, close } = openDatabase({ url, applicationName: "test", onError: () => undefined });
    scope.defer(close);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    scope.defer(() => client.end());

    const [jobId, accountId, functionId] = [randomUUID(), randomUUID(), randomUUID()];
    const at = (second: number) => Date.UTC(2030, 0, 1, 0, 0, second);
    const record = (second: number) => ({
      accountId,
      jobId,
      functionId,
      scheduledFor: at(second),
      until: at(second),
      count: 1,
      held: false,
      startsAt: at(second),
      skip: null,
    });
    // Planned are 1, 2 and 3; recorded are 1, 2, 4, and 9, which lies after the end of the plan.
    await createPlanTable(client);
    for (const second of [1, 2, 3])
      await client.query("insert into bench_plan values ($1, $2, true)", [jobId, new Date(at(second))]);
    await insertOccurrences(db, [1, 2, 4, 9].map(record), { callerPublishes: false });
    await client.query(
      `update executions set status = 'success', completed_at = now(), check_phase = '{}', perform_phase = '{}'
       where scheduled_for <> $1`,
      [new Date(at(2))],
    );

    expect(await countLedger(client, at(5))).toEqual({
      planned: 3,
      recorded: 2,
      missing: 1,
      duplicates: 0,
      unplanned: 1,
      unsuccessful: 1,
      withoutPhases: 1,
      repeated: 0,
    });
  });
});
