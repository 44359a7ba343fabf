import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { registerDuties } from "@belfry/db/duties.ts";
import { makeAccount, makeJob, openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let ledger: TestLedger;

beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.close());

const main = fileURLToPath(new URL("main.ts", import.meta.url));

async function belfry(args: string[], url = ledger.url): Promise<{ code: number; output: string; errors: string }> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, DATABASE_URL: url } });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const [code] = await once(child, "close");
  return { code, output, errors };
}

describe("belfry verify", () => {
  it("ends with 0 and one line when all is right", async () => {
    await makeJob(ledger.db, await makeAccount(ledger.db), { schedule: "0 0 1 1 *" });
    const { code, output } = await belfry(["verify"]);
    expect(output).toBe(
      "belfry verify: all is right: 1 job, 0 due = 0 success + 0 failed + 0 cancelled + 0 skipped + 0 running + 0 pending\n",
    );
    expect(code).toBe(0);
  });

  it("ends with 1 and a table of what is wrong, or with the report as JSON", async () => {
    const jobId = await makeJob(ledger.db, await makeAccount(ledger.db), { name: "nightly", schedule: "0 0 1 1 *" });
    await ledger.db.execute(`update jobs set run_count = 1 where id = '${jobId}'`);
    const { code, output } = await belfry(["verify"]);
    expect(code).toBe(1);
    const lines = output.split("\n");
    expect(lines[0]).toMatch(/^JOB +FINDING +INSTANT +WHAT$/);
    expect(lines[1]).toContain(`nightly (${jobId})  run_count  -        run_count is 1, the ledger has 0 runs`);
    expect(lines[2]).toMatch(/^belfry verify: 1 wrong: 2 jobs, 0 due, /);

    const json = await belfry(["verify", "--json"]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.output)).toMatchObject({
      ok: false,
      jobs: 2,
      findings: [{ kind: "run_count", job_id: jobId }],
    });
  });

  it("warns of duties of the cluster that are late, which is no fault of the ledger", async () => {
    const other = await openTestLedger();
    await registerDuties(other.db, [{ name: "retention", everyMs: 3_600_000 }]);
    expect(await belfry(["verify"], other.url)).toMatchObject({ code: 0, errors: "" });
    await other.db.execute("update duties set registered_at = '2026-01-31T00:00:00Z', error = 'no room'");
    const { code, output, errors } = await belfry(["verify", "--json"], other.url);
    expect([code, JSON.parse(output).ok]).toEqual([0, true]);
    expect(errors).toBe(
      "belfry verify: warning: duty retention was never done since 2026-01-31T00:00:00.000Z, and failed: no room\n",
    );
    await other.close();
  });

  it("ends with 1 and a line that says why when it cannot look", async () => {
    const { code, output, errors } = await belfry(["verify"], "postgres://nobody@127.0.0.1:1/nothing");
    expect([code, output]).toEqual([1, ""]);
    expect(errors).toMatch(/^belfry verify: .+\n$/);
  });
});
