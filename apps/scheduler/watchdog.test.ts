import type { Db } from "@belfry/db/client.ts";
import { pauseJob } from "@belfry/db/jobs.ts";
import { type SoleDuty, soleDuty } from "@belfry/db/sole-duty.ts";
import { markStopped } from "@belfry/db/workers.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createWatchdog } from "./watchdog.ts";

const KEY = 4712;
let ledger: TestLedger;
let db: Db;
let account: TestAccount;
let duties: SoleDuty[];

beforeEach(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
  duties = [];
});
afterEach(async () => {
  for (const duty of duties) await duty.close();
  await ledger.close();
});

/** A scheduler's watchdog. `look` answers with the lines that it logs. */
function watchdog() {
  const duty = soleDuty(ledger.url, KEY, 60_000);
  duties.push(duty);
  const lines: Record<string, unknown>[] = [];
  const log = createLogger("test", "info", { write: (line: string) => void lines.push(JSON.parse(line)) });
  let clock = 0;
  const { runOnce } = createWatchdog(db, duty, log, () => clock);
  return {
    duty,
    /** As a rule a minute after its start. */
    async look(after = 60_000) {
      clock = after;
      await runOnce();
      return lines.splice(0);
    },
  };
}

const aJob = (name: string, pool = "default") => makeJob(db, account, { name, pool, schedule: "0 0 1 1 *" });

it("names a job when something begins to be wrong with it, and when it ends", async () => {
  const worker = await makeWorker(db);
  const jobId = await aJob("nightly report");
  const { look } = watchdog();
  expect(await look()).toEqual([]);
  await markStopped(db, worker);
  expect(await look()).toMatchObject([
    {
      level: "warn",
      job_id: jobId,
      job_name: "nightly report",
      account_id: account.accountId,
      began: [{ code: "NO_WORKER", message: 'no living worker serves the pool "default"', since: expect.any(String) }],
      ended: [],
      msg: "job has a new warning",
    },
  ]);
  expect(await look()).toEqual([]);
  await makeWorker(db);
  expect(await look()).toMatchObject([
    { level: "warn", job_name: "nightly report", began: [], ended: ["NO_WORKER"], msg: "job no longer has a warning" },
  ]);
  expect(await look()).toEqual([]);
});

it("lets workers that start beside it come up first", async () => {
  await aJob("early");
  const { look } = watchdog();
  expect(await look(0)).toEqual([]);
  expect(await look(29_000)).toEqual([]);
  expect(await look(60_000)).toHaveLength(1);
});

it("says so as well when the job is paused", async () => {
  const jobId = await aJob("paused");
  const { look } = watchdog();
  expect(await look()).toHaveLength(1);
  await pauseJob(db, account.accountId, jobId);
  expect(await look()).toMatchObject([{ job_name: "paused", ended: ["NO_WORKER"] }]);
});

it("is one scheduler's at a time, and says once what there is when another takes over", async () => {
  await aJob("alone");
  const [first, second] = [watchdog(), watchdog()];
  expect(await first.look()).toHaveLength(1);
  expect(await second.look()).toEqual([]);
  await first.duty.close();
  expect(await second.look()).toMatchObject([{ job_name: "alone", msg: "job has a new warning" }]);
  expect(await first.look()).toEqual([]);
});

it("writes a hundred lines at most, then how many more there are, and looks at every page of jobs", async () => {
  for (let batch = 0; batch < 26; batch++)
    await Promise.all(Array.from({ length: 20 }, (_, i) => aJob(`job ${batch}.${i}`)));
  const { look } = watchdog();
  const lines = await look();
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toMatchObject({ level: "warn", jobs: 420, msg: "warnings of more jobs have changed" });
  await makeWorker(db);
  expect((await look()).at(-1)).toMatchObject({ jobs: 420 });
});
