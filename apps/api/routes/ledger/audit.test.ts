import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aJob, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

describe("GET /automation/ledger/audit", () => {
  it("tells an admin of the jobs of all accounts what is wrong", async () => {
    const admin = await api.newClient("admin");
    const { id, name, account_id } = await aJob(await api.newClient());
    const sound = await admin.get("/automation/ledger/audit");
    expect(sound.statusCode).toBe(200);
    expect(sound.json()).toEqual({
      checked_at: expect.any(String),
      ok: true,
      jobs: 1,
      kept_from: null,
      terms: { due: 0, success: 0, failed: 0, cancelled: 0, skipped: 0, running: 0, pending: 0 },
      findings: [],
      omitted: 0,
    });
    await api.db.execute(sql`update jobs set run_count = 7 where id = ${id}`);
    expect((await admin.get("/automation/ledger/audit")).json()).toMatchObject({
      ok: false,
      findings: [
        {
          kind: "run_count",
          job_id: id,
          job_name: name,
          account_id,
          execution_id: null,
          scheduled_for: null,
          scheduled_until: null,
          message: "run_count is 7, the ledger has 0 runs",
        },
      ],
    });
  });

  it("tells nobody else", async () => {
    const member = await api.newClient();
    const answer = await member.get("/automation/ledger/audit");
    expect([answer.statusCode, answer.json().code]).toEqual([403, "FORBIDDEN"]);
  });
});
