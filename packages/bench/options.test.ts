import { describe, expect, it } from "vitest";
import { readOptions } from "./options.ts";

describe("readOptions", () => {
  it("measures every case three times by default", () => {
    expect(readOptions([])).toMatchObject({
      cases: ["throughput", "lateness-200", "lateness-1000", "next-run"],
      rounds: 3,
      json: null,
    });
  });

  it("is small and runs once with --quick, unless told otherwise", () => {
    expect(readOptions(["--quick"])).toMatchObject({ rounds: 1, executions: 4_000 });
    expect(readOptions(["--quick", "--rounds", "2"])).toMatchObject({ rounds: 2 });
  });

  it("takes single cases, in its own order", () => {
    expect(readOptions(["--only", "lateness-200", "--only", "throughput"])?.cases).toEqual([
      "throughput",
      "lateness-200",
    ]);
  });

  it("answers null when help is wanted", () => {
    expect(readOptions(["--help"])).toBeNull();
  });

  it.each([
    [["--only", "speed"], 'there is no case "speed"'],
    [["--rounds", "0"], "--rounds must be a whole number from 1 to 99"],
    [["--rounds", "1.5"], "--rounds must be a whole number"],
    [["--fast"], "--fast"],
  ])("refuses %j", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
