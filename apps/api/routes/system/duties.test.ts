import { registerDuties } from "@belfry/db/duties.ts";
import { runDuty } from "@belfry/db/run-duty.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

describe("GET /automation/system/duties", () => {
  it("tells an admin what the cluster does for itself, when it was done and whether it is late", async () => {
    const admin = await api.newClient("admin");
    expect((await admin.get("/automation/system/duties")).json()).toEqual([]);
    const [tidy, sweep] = [
      { name: "tidy", everyMs: 60_000 },
      { name: "sweep", everyMs: 60_000 },
    ];
    await registerDuties(api.db, [tidy, sweep]);
    await runDuty(api.url, tidy, async () => "7 things");
    await runDuty(api.url, sweep, () => Promise.reject(new Error("no broom")));
    await api.db.execute(sql`update duties set registered_at = now() - interval '4 minutes' where name = 'sweep'`);
    const answer = await admin.get("/automation/system/duties");
    expect(answer.statusCode).toBe(200);
    const instant = expect.stringMatching(/^20.+Z$/);
    expect(answer.json()).toEqual([
      {
        name: "sweep",
        every_ms: 60_000,
        started_at: instant,
        done_at: null,
        result: null,
        error: "no broom",
        running: false,
        late: true,
      },
      {
        name: "tidy",
        every_ms: 60_000,
        started_at: instant,
        done_at: instant,
        result: "7 things",
        error: null,
        running: false,
        late: false,
      },
    ]);
  });

  it("tells nobody else", async () => {
    const answer = await (await api.newClient()).get("/automation/system/duties");
    expect([answer.statusCode, answer.json().code]).toEqual([403, "FORBIDDEN"]);
  });
});
