import { readFile, writeFile } from "node:fs/promises";
import { withExamples } from "./docs-examples.ts";

/** `npm run docs:schedules`: the examples and what they give, into docs/schedules.md. */
const page = new URL("../../docs/schedules.md", import.meta.url);
await writeFile(page, withExamples(await readFile(page, "utf8")));
