import { createJobBody } from "@belfry/contract/job.ts";
import type { ExecutionStatus, Trigger } from "@belfry/contract/states.ts";
import { makeAccount, openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createJob } from "./create-job.ts";
import { type Glance, type JobWithLedger, judgeAtAGlance } from "./job-glance.ts";

let ledger: TestLedger;
let job: JobWithLedger;

beforeAll(async () => {
  ledger = await openTestLedger();
  const { accountId, functionId } = await makeAccount(ledger.db);
  const body = createJobBody.parse({ name: "hourly", function_id: functionId, schedule: "@every 1h" });
  const created = await createJob(ledger.db, accountId, body, null);
  job = { ...created.job, nextRun: instant(created.job, 3) };
});
afterAll(() => ledger.close());

const quiet = {
  ...{ module: "", workers: 1, able: 1, lastStoppedAt: null },
  ...{ overdue: false, waits: false, newest: null },
} satisfies Glance;

const HOUR = 3_600_000;
const instant = ({ plannedFrom }: JobWithLedger, hours: number) => new Date(plannedFrom.getTime() + hours * HOUR);

/** The one that was planned `hours` after the job was, and took `tookMs`. */
function seen(hours: number, status: ExecutionStatus, tookMs: number | null = 5, trigger: Trigger = "schedule") {
  const at = instant(job, hours).toISOString();
  return [at, trigger, status, status === "skipped" ? null : at, tookMs] satisfies NonNullable<
    Glance["newest"]
  >[number];
}
const glance = (fields: Partial<Glance> = {}) => judgeAtAGlance(job, { ...quiet, ...fields });
const tells = (...newest: NonNullable<Glance["newest"]>) => glance({ newest }) !== null;

it("tells of a job that is well, and of those that nobody serves or sweeps", () => {
  expect(glance()).toMatchObject({ lastRun: null, warnings: [] });
  expect(glance({ newest: [seen(2, "running", null), seen(1, "success")] })).toMatchObject({
    lastRun: instant(job, 2),
  });
  expect(glance({ workers: 0, able: 0 })?.warnings).toMatchObject([{ code: "NO_WORKER", since: job.plannedFrom }]);
  const lastStoppedAt = new Date(job.plannedFrom.getTime() + 1);
  expect(glance({ workers: 0, able: 0, lastStoppedAt })?.warnings).toMatchObject([{ since: lastStoppedAt }]);
  expect(glance({ overdue: true })?.warnings).toMatchObject([{ code: "OVERDUE", since: job.nextRun }]);
});

it("leaves the rest to be looked for in the ledger", () => {
  expect(glance({ waits: true })).toBeNull();
  expect(glance({ workers: 1, able: 0, module: "reports" })).toBeNull();

  expect(tells(seen(2, "failed"), seen(1, "failed"), seen(0, "success"))).toBe(true);
  expect(tells(seen(2, "failed"), seen(1, "failed"))).toBe(true);
  expect(tells(seen(2, "failed"), seen(1, "failed"), seen(0, "failed"))).toBe(false);
  expect(tells(seen(2, "running"), seen(1, "failed"), seen(0, "skipped"))).toBe(false);

  expect(tells(seen(2, "skipped", null), seen(1, "skipped", null))).toBe(true);
  expect(tells(seen(2, "skipped", null), seen(1, "skipped", null), seen(0, "skipped", null))).toBe(false);
});

it("leaves it to the ledger whether the last execution outlasted its interval, unless it did not", () => {
  expect(tells(seen(2, "success", HOUR))).toBe(true);
  expect(tells(seen(2, "success", HOUR + 1))).toBe(false);
  expect(tells(seen(1, "running", null), seen(0.5, "success", HOUR, "manual"), seen(0, "success", HOUR))).toBe(true);
  expect(tells(seen(1, "running", null), seen(0.5, "success", HOUR, "manual"), seen(0, "success", HOUR + 1))).toBe(
    false,
  );
  // Of another plan.
  expect(tells(seen(-1, "success", 9 * HOUR))).toBe(true);
});

it("says of a job that does not run when it last ran, and nothing else", () => {
  const paused = { ...job, status: "paused" as const };
  const failed = [seen(2, "failed"), seen(1, "failed"), seen(0, "failed")];
  expect(judgeAtAGlance(paused, { ...quiet, workers: 0, able: 0, waits: true, newest: failed })).toMatchObject({
    lastRun: instant(job, 2),
    warnings: [],
  });
});
