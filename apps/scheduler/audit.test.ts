import { patchJobBody } from "@belfry/contract/job.ts";
import { reportAudit } from "@belfry/db/audit-report.ts";
import type { Db } from "@belfry/db/client.ts";
import { claimExecutions, finishExecutions } from "@belfry/db/executions.ts";
import { deleteJob, patchJob, pauseJob, resumeJob, runJob } from "@belfry/db/jobs.ts";
import { releaseHeld } from "@belfry/db/overlap.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimDue } from "./claim-due.ts";
import { settle } from "./settle.ts";

const log = createLogger("test", "silent");
let ledger: TestLedger;
let db: Db;
let account: TestAccount;
let worker: string;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
});
afterAll(() => ledger.close());

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const POLICIES = ["skip", "queue", "cancel_running", "allow"];
const MISFIRES = ["skip", "run_once", "run_all"];

function anyBody(pick: (below: number) => number): Record<string, unknown> {
  const schedules = ["@every 1s", "@every 7s", "* * * * * *", "*/5 * * * * *", "@every 1h", "* * * * *"];
  const once = new Date(Date.now() + 2_000 + pick(50_000)).toISOString();
  const schedule = pick(8) === 0 ? once : schedules[pick(schedules.length)];
  return { schedule, max_runs: pick(3) === 0 ? 1 + pick(20) : 0 };
}

type Step = () => Promise<unknown>;

/** What somebody or something may do next; the first is time that passes. */
function stepsOf(pick: (below: number) => number, jobId: string): [Step, ...Step[]] {
  const { accountId } = account;
  return [
    () => letTimePass(db, jobId, 60 * (pick(5) === 0 ? 1 + pick(500) : 1)),
    () => claimDue(db, 100),
    () => claimDue(db, 100),
    () => settle(db, log, 100),
    () => releaseHeld(db, 100),
    () => work(pick),
    () => work(pick),
    () => pauseJob(db, accountId, jobId),
    () => resumeJob(db, accountId, jobId),
    () => resumeJob(db, accountId, jobId),
    () => runJob(db, accountId, jobId),
    () => deleteJob(db, accountId, jobId),
    () => patchJob(db, accountId, jobId, { enabled: pick(4) > 0 }),
    () => patchJob(db, accountId, jobId, { enabled: true }),
    () => patchJob(db, accountId, jobId, patchJobBody.parse(anyBody(pick))),
    () => patchJob(db, accountId, jobId, patchJobBody.parse({ max_runs: pick(40) })),
    () => patchJob(db, accountId, jobId, { description: "nothing of the plan" }),
  ];
}

/** A step that a job refuses is one all the same. */
const tryTo = (step: Step | undefined) =>
  step?.().catch((error: { code?: string }) => {
    if (!["JOB_NOT_ACTIVE", "VALIDATION_ERROR", "UNAVAILABLE"].includes(error.code ?? "")) throw error;
  });

/** A worker ends some of what is pending, in one way or the other. */
async function work(pick: (below: number) => number): Promise<void> {
  const pending = await rowsOf<{ executionId: string; attempt: number }>(
    db,
    sql`select id as "executionId", attempt from executions where status = 'pending' and not held limit 5`,
  );
  const claimed = await claimExecutions(db, worker, pending);
  await finishExecutions(
    db,
    worker,
    claimed.map(({ executionId, attempt }) => {
      const status = (["success", "failed", "skipped"] as const)[pick(3)] ?? "success";
      const skipReason = status === "skipped" ? ("check_declined" as const) : null;
      const error = status === "failed" ? ({ code: "FUNCTION_ERROR", message: "no" } as const) : null;
      return { executionId, attempt, status, skipReason, error, check: null, perform: null };
    }),
  );
}

describe("whatever was done to a job", () => {
  it.each(Array.from({ length: 8 }, (_, i) => i + 1))(
    "its ledger is what its history planned (seed %i)",
    async (seed) => {
      const pick = random(seed);
      account = await makeAccount(db);
      worker = await makeWorker(db);
      const jobIds: string[] = [];
      for (let i = 0; i < 4; i++) {
        const overlap = { policy: POLICIES[pick(4)], max_instances: 1 + pick(3) };
        const misfire = { policy: MISFIRES[pick(3)], grace_ms: pick(2) * 60_000 };
        jobIds.push(await makeJob(db, account, { ...anyBody(pick), overlap, misfire, enabled: pick(5) > 0 }));
      }
      for (let i = 0; i < 160; i++) {
        const [passes, ...others] = stepsOf(pick, jobIds[pick(4)] as string);
        await tryTo(i % 3 === 0 ? passes : others[pick(others.length)]);
      }
      const goOn = [
        async () => (await claimDue(db, 100)).jobs,
        async () => (await settle(db, log, 100)).resumed,
        // What waited for its turn when the last of the others ended has it now.
        () => releaseHeld(db, 100),
      ];
      for (let done = 1; done > 0; ) {
        done = 0;
        for (const step of goOn) done += await step();
      }
      const report = await reportAudit(db, { accountId: account.accountId });
      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({ ok: true, jobs: 4 });
      expect(report.terms.due).toBeGreaterThan(0);
    },
  );
});

describe("a cluster that goes on", () => {
  it("makes no false alarm: an audit sees nothing half done", async () => {
    const pick = random(99);
    account = await makeAccount(db);
    worker = await makeWorker(db);
    const jobIds = await Promise.all(Array.from({ length: 6 }, () => makeJob(db, account, { max_runs: 200 })));
    for (const jobId of jobIds) await letTimePass(db, jobId, 540);
    let living = jobIds.length;
    const lives = jobIds.map(async (jobId) => {
      for (let i = 0; i < 60; i++) {
        const [, ...steps] = stepsOf(pick, jobId);
        await tryTo(steps[pick(steps.length)]);
      }
      living--;
    });
    let audits = 0;
    for (; living > 0; audits++) expect((await reportAudit(db, { accountId: account.accountId })).findings).toEqual([]);
    await Promise.all(lives);
    expect(audits).toBeGreaterThan(5);
  });
});
