import { expect, it } from "vitest";
import { SCHEDULE_EXAMPLES } from "./examples.ts";
import { preview } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

/** What they give is in a file of its own, to be read beside what they mean. */
it("the documented examples have these next five runs", async () => {
  const lines = Object.entries(SCHEDULE_EXAMPLES).flatMap(([title, examples]) => [
    `# ${title}`,
    ...examples.map(({ written, timezone, from, meaning }) => {
      const anchor = Date.parse(from);
      const runs = preview(parseSchedule(written, { timezone, anchor }), anchor, 5);
      const text = JSON.stringify(written);
      return [`${text} in ${timezone}: ${meaning}`, ...runs.map((run) => `  ${new Date(run).toISOString()}`)].join(
        "\n",
      );
    }),
    "",
  ]);
  await expect(lines.join("\n")).toMatchFileSnapshot("./examples.runs.txt");
});
