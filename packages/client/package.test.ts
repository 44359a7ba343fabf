import { fileURLToPath } from "node:url";
import { type Packed, packPackage } from "@belfry/testing/pack.ts";
import { afterAll, beforeAll, expect, it } from "vitest";

let packed: Packed;
beforeAll(async () => {
  packed = await packPackage(fileURLToPath(new URL(".", import.meta.url)));
});
afterAll(() => packed.remove());

it("is published as publint would have it, with what it needs and nothing else", () => {
  expect(packed.problems).toEqual([]);
  expect(packed.manifest).toMatchObject({ license: "MIT", sideEffects: false, type: "module" });
  expect(packed.manifest).not.toHaveProperty("private");
  expect(packed.manifest).not.toHaveProperty("dependencies");
  expect(packed.files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "dist/main.js", "dist/main.d.ts"]));
  expect(packed.files.filter((file) => /test/.test(file) || /[^d]\.ts$/.test(file))).toEqual([]);
});

it("runs in plain Node", async () => {
  const printed = await packed.run(`
    import { BelfryError, createClient } from "@belfry/client";

    const fetch = async (url) => Response.json([url], { headers: { link: "</x?cursor=2>; rel=next" } });
    const belfry = createClient({ baseUrl: "https://belfry.example.com", apiKey: "k", fetch });
    for await (const job of belfry.listJobs.each({ limit: 1 })) {
      console.log(job);
      if (job.includes("cursor")) break;
    }
    console.log(await belfry.getJob({ id: "" }).catch((error) => error.message), new BelfryError("TIMEOUT", "late").code);
  `);
  expect(printed.split("\n")).toEqual([
    "https://belfry.example.com/automation/jobs?limit=1",
    "https://belfry.example.com/automation/jobs?limit=1&cursor=2",
    'id: must be an id, it is "" TIMEOUT',
    "",
  ]);
});

it("types the API, in the user's own compiler", async () => {
  const example = (schedule: string) => `
    import { BelfryError, createClient, type Job } from "@belfry/client";

    const belfry = createClient({ baseUrl: "https://belfry.example.com", apiKey: process.env.BELFRY_KEY });
    export const job: Job = await belfry.createJob({ body: { function_id: "f", name: "report", schedule: ${schedule} } });
    for await (const execution of belfry.listExecutions.each({ job_id: job.id, status: "failed" })) {
      console.log(execution.scheduled_for, execution.error?.code === "TIMEOUT");
    }
    await belfry.listDuties();
    await belfry.pauseJob({ id: job.id }).catch((error) => {
      if (!(error instanceof BelfryError && error.code === "NOT_FOUND")) throw error;
    });
  `;
  expect(await packed.typeCheck(example('{ type: "daily", time: "09:00" }'))).toBe("");
  expect(await packed.typeCheck(example('{ type: "daily", day: "09:00" }'))).toContain("TS2353");
});
