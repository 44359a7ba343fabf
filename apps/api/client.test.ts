import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Client, Schedule } from "@belfry/client/api.ts";
import { BelfryError } from "@belfry/client/belfry-error.ts";
import { createClient } from "@belfry/client/create-client.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientSource, type OpenApi } from "./client-source.ts";
import { startTestApi, type TestApi } from "./test-api.ts";

let api: TestApi;
let client: Client;
beforeAll(async () => {
  api = await startTestApi();
  const baseUrl = await api.app.listen({ port: 0, host: "127.0.0.1" });
  client = createClient({ baseUrl, apiKey: (await api.newClient("admin")).key });
});
afterAll(() => api.close());

const api_ts = new URL("../../packages/client/api.ts", import.meta.url);

describe("what the client knows of the API", () => {
  it("is what the API says today; if not, `npm run client:generate` writes it", async () => {
    const document = (await api.app.inject("/openapi.json")).json<OpenApi>();
    const formatting = promisify(execFile)("biome", ["format", "--stdin-file-path=api.ts"]);
    formatting.child.stdin?.end(clientSource(document));
    expect((await formatting).stdout).toBe(await readFile(api_ts, "utf8"));
  });
});

describe("the client of the API", () => {
  const newFunction = (name: string) =>
    client.createFunction({ body: { kind: "http", name, url: "https://fn.example.com" } });

  it("creates, reads, changes, lists and deletes", async () => {
    const fn = await newFunction("report");
    const schedule: Schedule = { type: "daily", time: "09:00", timezone: "Europe/Zurich" };
    const job = await client.createJob({ body: { function_id: fn.id, name: "daily report", schedule } });
    expect(job).toMatchObject({ name: "daily report", status: "active", schedule_description: expect.any(String) });

    expect(await client.getJob({ id: job.id })).toEqual(job);
    expect(await client.patchJob({ id: job.id, body: { name: "report" } })).toMatchObject({ name: "report" });
    expect((await client.listJobs({ function_id: fn.id })).map(({ id }) => id)).toEqual([job.id]);
    expect(await client.listNextRuns({ id: job.id, count: 3 })).toHaveLength(3);
    expect(await client.runJob({ id: job.id })).toMatchObject({ job_id: job.id, status: "pending" });
    expect(await client.pauseJob({ id: job.id })).toMatchObject({ status: "paused" });
    expect(await client.deleteJob({ id: job.id })).toMatchObject({ enabled: false });
  });

  it("makes one job of a creation that is repeated with its key", async () => {
    const body = { function_id: (await newFunction("once")).id, name: "once", schedule: "@daily" };
    const [first, second] = [
      await client.createJob({ body, idempotencyKey: "key-1" }),
      await client.createJob({ body, idempotencyKey: "key-1" }),
    ];
    expect(second.id).toBe(first.id);
  });

  it("leads through all pages of a list", async () => {
    const { id } = await client.createFunction({
      body: { kind: "http", name: "many", url: "https://many.example.com" },
    });
    for (let n = 0; n < 5; n++) {
      await client.createJob({ body: { function_id: id, name: `job ${n}`, schedule: "@daily" } });
    }
    const jobs = await Array.fromAsync(client.listJobs.each({ function_id: id, limit: 2 }));
    expect(jobs.map(({ name }) => name)).toEqual(["job 4", "job 3", "job 2", "job 1", "job 0"]);
  });

  it("imports a calendar, and asks what only an admin may", async () => {
    const { id } = await client.createCalendar({ body: { name: "holidays", dates: [] } });
    const event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20301225\r\nEND:VEVENT";
    const file = `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n${event}\r\nEND:VCALENDAR\r\n`;
    expect(await client.importCalendar({ id, body: file })).toMatchObject({ dates: ["2030-12-25"] });
    expect(await client.auditLedger()).toMatchObject({ ok: true });
  });

  it("throws what the API refuses", async () => {
    const nobody = "00000000-0000-4000-8000-000000000000";
    const error = await client.getJob({ id: nobody }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(BelfryError);
    expect(error).toMatchObject({ code: "NOT_FOUND", status: 404 });

    const wrong = client.createJob({ body: { function_id: nobody, name: "", schedule: "never" } });
    await expect(wrong).rejects.toMatchObject({ code: "VALIDATION_ERROR", details: [{ path: "name" }] });
  });
});
