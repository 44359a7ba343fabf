import { describe, expect, it } from "vitest";
import { keep, replaceGenerated, sectionOf } from "./docs-section.ts";

const page = (section: string) =>
  `# Performance\n\n<!-- bench:begin, written by \`npm run bench -- --docs\` -->\n\n${section}\n\n<!-- bench:end -->\n\nCaveats.\n`;

describe("replaceGenerated", () => {
  it("changes what stands between the marks, and nothing else", () => {
    expect(replaceGenerated(page("old"), "new")).toBe(page("new"));
  });

  it("refuses a page without the marks", () => {
    expect(() => replaceGenerated("# Performance\n", "new")).toThrow("bench:begin");
  });
});

const figure = (name: string, value: number) => ({ name, subject: "belfry", metric: "p50", unit: "ms", value });

describe("keep", () => {
  const kept = keep({}, [figure("lateness-200", 1), figure("lateness-1000", 2), figure("http", 3)], "then");

  it("puts the parts of a case together", () => {
    expect(kept.lateness).toEqual({
      figures: [figure("lateness-200", 1), figure("lateness-1000", 2)],
      conditions: "then",
    });
  });

  it("leaves what this run has not measured", () => {
    const now = keep(kept, [figure("lateness-200", 9)], "now");
    expect(now.http).toEqual({ figures: [figure("http", 3)], conditions: "then" });
    expect(now.lateness?.figures.map(({ value }) => value)).toEqual([2, 9]);
  });
});

describe("sectionOf", () => {
  it("has a table for each case, with its chart and its conditions", () => {
    const kept = keep({}, [figure("scale", 5)], "measured here");
    const section = sectionOf(kept, [{ file: "performance-growth.svg", alt: "growth", svg: "" }]);
    expect(section.split("\n\n")).toEqual([
      "### scale",
      "![growth](performance-growth.svg)",
      expect.stringMatching(/\| belfry +\| p50 +\| 5.00 ms \|/),
      "measured here",
    ]);
  });

  it("says when there is nothing", () => expect(sectionOf({}, [])).toBe("Nothing was measured yet."));
});
