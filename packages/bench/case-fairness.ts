import { randomBytes } from "node:crypto";
import { createAccount } from "@belfry/db/accounts.ts";
import type { BenchCase } from "./case.ts";
import { openGround, startCluster } from "./cluster.ts";
import { assertLedger, untilAllFinal } from "./finish.ts";
import { samplesOf } from "./measurements.ts";
import { plan } from "./plan.ts";
import { figure } from "./table.ts";

const NAME = "fairness";
/** What one account has due at once, for each execution of the cases about throughput: 50,000 for 20,000. */
const CROWD = 2.5;
/** The other account's, evenly. */
const PER_SECOND = 10;
const HOUR_MS = 3_600_000;
/** Jobs are made this fast, roughly. */
const JOBS_PER_MS = 4;

/** How late one account's few executions start while another's backlog is worked off. */
export const fairness: BenchCase = async ({ servers, options, all, note }) => {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const cluster = await startCluster(await openGround(servers, "redis", scope), options, scope);
  const secret = randomBytes(20).toString("hex");
  const { accountId } = await createAccount(cluster.db, { name: "few", key: secret, role: "member" });

  const crowd = Math.ceil(options.executions * CROWD);
  const dueAt = Date.now() + 5_000 + Math.ceil(crowd / JOBS_PER_MS);
  // For as long as the backlog may take, and a little more.
  const seconds = Math.ceil(crowd / 1_000) + 5;
  const until = dueAt + seconds * 1_000;
  const once = (firstDue: number) => ({ firstDue, everyMs: HOUR_MS });
  const times = { measureFrom: until, until };
  const few = Array.from({ length: seconds * PER_SECOND }, (_, i) => once(dueAt + (i * 1_000) / PER_SECOND));
  await plan({ ...cluster, accountId }, few, times);
  await plan(
    cluster,
    Array.from({ length: crowd }, () => once(dueAt)),
    times,
  );
  await untilAllFinal(cluster, until);
  await assertLedger(cluster, until);

  const { rows } = await cluster.client.query<{ seconds: number; p50: number; p99: number; max: number }>(
    `with backlog as (select max(completed_at) as ended from executions where account_id <> $1)
     select (extract(epoch from b.ended) - $2::float8 / 1000)::float8 as seconds, l.*
     from backlog b, lateral (
       select percentile_disc(0.5) within group (order by ms) as p50,
         percentile_disc(0.99) within group (order by ms) as p99, max(ms) as max
       from (
         select (extract(epoch from started_at - scheduled_for) * 1000)::float8 as ms from executions
         where account_id = $1 and scheduled_for < b.ended
       ) late
     ) l`,
    [accountId, dueAt],
  );
  const { seconds: drained = 0, p50 = 0, p99 = 0, max = 0 } = rows[0] ?? {};
  const ofOther = `${figure(p50)} ms p50, ${figure(p99)} ms p99, ${figure(max)} ms at most`;
  note(`${NAME}: ${figure(crowd)} of one account in ${figure(drained)} s; the other's late by ${ofOther}`);
  const sample = samplesOf(NAME, "belfry on redis");
  return [
    ...sample(`backlog of ${crowd.toLocaleString("en-US")} drained`, "s", drained),
    ...sample("other account's lateness p50", "ms", p50),
    ...sample("other account's lateness p99", "ms", p99),
    ...sample("other account's lateness max", "ms", max),
  ];
};
