import { describe, expect, it } from "vitest";
import { ledgerProblems } from "./ledger-check.ts";

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
