import { describe, expect, it } from "vitest";
import { readOptions } from "./options.ts";

describe("readOptions", () => {
  it("measures every case three times by default, up to a million jobs", () => {
    expect(readOptions([])).toMatchObject({
      cases: [
        "throughput",
        "lateness",
        "scale",
        "http",
        "sandbox",
        "fairness",
        "api",
        "scale-out",
        "start",
        "next-run",
      ],
      rounds: 3,
      scale: [10_000, 100_000, 1_000_000],
      peers: true,
      json: null,
    });
  });

  it("is small and runs once with --quick, unless told otherwise", () => {
    expect(readOptions(["--quick"])).toMatchObject({ rounds: 1, executions: 4_000, scale: [1_000, 10_000] });
    expect(readOptions(["--quick"])?.latenessParts).not.toContain("lateness-burst-50000");
    expect(readOptions(["--quick", "--rounds", "2", "--no-peers"])).toMatchObject({ rounds: 2, peers: false });
  });

  it("takes single cases, in its own order", () => {
    expect(readOptions(["--only", "scale", "--only", "throughput"])?.cases).toEqual(["throughput", "scale"]);
  });

  it("takes a part of a case, also one that the quick run leaves out", () => {
    const options = readOptions(["--only", "lateness-5000", "--quick"]);
    expect(options).toMatchObject({ cases: ["lateness"], latenessParts: ["lateness-5000"] });
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
