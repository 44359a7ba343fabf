import { randomUUIDv7 } from "node:crypto";
import { createJobBody } from "@belfry/contract/job.ts";
import { createJob } from "@belfry/db/create-job.ts";
import { WAKE_CHANNEL } from "@belfry/db/listen.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";
import type pg from "pg";
import type { Cluster } from "./cluster.ts";
import { createPlanTable } from "./ledger-check.ts";

/** A job that is first due at `firstDue` and then every `everyMs`. Milliseconds. */
export type PlannedJob = { firstDue: number; everyMs: number };

/** Jobs that are made in one statement. */
const CHUNK = 10_000;

/**
 * Makes jobs without the API, which is not what is measured: one by `createJob`, and from it copies by SQL, each with
 * its own times. Their occurrences before `until` are written down in a table of our own, against which the ledger is
 * compared afterwards; `measured` are those from `measureFrom` on, before which everybody warms up.
 */
export async function plan(
  { db, client, accountId, functionId }: Cluster,
  jobs: readonly PlannedJob[],
  { measureFrom, until }: { measureFrom: number; until: number },
): Promise<void> {
  const body = createJobBody.parse({
    name: `template ${randomUUIDv7()}`,
    function_id: functionId,
    schedule: "1h",
    enabled: false,
  });
  const { job: template } = await createJob(db, accountId, body, null);

  const planned: (PlannedJob & { id: string })[] = [];
  for (let start = 0; start < jobs.length; start += CHUNK) {
    const copies = jobs.slice(start, start + CHUNK).map((job) => ({ id: randomUUIDv7(), ...job }));
    await client.query(
      `insert into jobs
       select copy.*
       from jobs template
       cross join unnest($2::uuid[], $3::float8[], $4::jsonb[]) as n(id, first_due, spec)
       cross join lateral jsonb_populate_record(template, jsonb_build_object(
         'id', n.id, 'name', n.id, 'enabled', true, 'schedule_spec', n.spec, 'next_run', to_timestamp(n.first_due / 1000)
       )) as copy
       where template.id = $1`,
      [
        template.id,
        copies.map((c) => c.id),
        copies.map((c) => c.firstDue),
        copies.map((c) => JSON.stringify(scheduleOf(c))),
      ],
    );
    planned.push(...copies);
  }
  await writePlan(client, planned, { measureFrom, until });
  // As after some time in use; without it the first plans would be made for empty tables.
  await client.query("analyze jobs");
  // The scheduler sleeps until what was due before these came.
  await client.query("select pg_notify($1, '')", [WAKE_CHANNEL]);
}

/** Writes down what of these jobs is due before `until`. Milliseconds. */
export async function writePlan(
  client: pg.Client,
  jobs: readonly (PlannedJob & { id: string })[],
  { measureFrom, until }: { measureFrom: number; until: number },
): Promise<void> {
  await createPlanTable(client);
  await client.query(
    `insert into bench_plan
     select n.id, to_timestamp(due / 1000.0), due >= $4
     from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as n(id, first_due, every)
     cross join generate_series(n.first_due, $5::bigint - 1, n.every) as due`,
    [jobs.map((job) => job.id), jobs.map((job) => job.firstDue), jobs.map((job) => job.everyMs), measureFrom, until],
  );
}

const scheduleOf = ({ firstDue, everyMs }: PlannedJob): Schedule => ({
  type: "interval",
  everyMs,
  anchor: firstDue - everyMs,
});
