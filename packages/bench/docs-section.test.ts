import { describe, expect, it } from "vitest";
import { replaceGenerated } from "./docs-section.ts";

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
