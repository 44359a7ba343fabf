import type { Db } from "@belfry/db/client.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { type SQL, sql } from "drizzle-orm";
import { idAt } from "./id-at.ts";

/** 317 years: further than any two rows of a test are apart. */
const ASIDE_SECONDS = 10_000_000_000;

/**
 * Makes everything that is known of a job `seconds` older: its next run, its ledger and its change history, as if
 * nobody had looked at it for so long. Executions get other ids, since an id has the
 * instant in it. Intervals, also restricted ones, and instants move with it; a cron has to look the same that much
 * earlier, as one of seconds does for whole minutes.
 */
export async function letTimePass(db: Db, jobId: string, seconds: number): Promise<void> {
  const earlier = (column: SQL) => sql`${column} - make_interval(secs => ${seconds})`;
  const spec = sql`(case schedule_spec->>'type'
    when 'interval' then jsonb_set(schedule_spec::jsonb, '{anchor}', to_jsonb((schedule_spec->>'anchor')::float8 - ${seconds * 1000}))::json
    when 'once' then jsonb_set(schedule_spec::jsonb, '{at}', to_jsonb((schedule_spec->>'at')::float8 - ${seconds * 1000}))::json
    when 'restricted' then jsonb_set(schedule_spec::jsonb, '{of,anchor}', to_jsonb((schedule_spec->'of'->>'anchor')::float8 - ${seconds * 1000}))::json
    else schedule_spec end)`;
  await inTransaction(db, async (tx) => {
    await tx.execute(sql`
      update jobs set planned_from = ${earlier(sql`planned_from`)}, next_run = ${earlier(sql`next_run`)}, schedule_spec = ${spec}
      where id = ${jobId}`);
    await tx.execute(sql`
      update job_changes set at = ${earlier(sql`at`)}, first = ${earlier(sql`first`)},
        served_up_to = ${earlier(sql`served_up_to`)}, schedule_spec = ${spec}
      where job_id = ${jobId}`);
    // By way of far away: moved in one step, one row would meet the next under the unique key of their instants.
    for (const shift of [seconds + ASIDE_SECONDS, -ASIDE_SECONDS]) {
      const shifted = sql`scheduled_for - make_interval(secs => ${shift})`;
      await tx.execute(sql`
        with moved as (
          select id, ${idAt(shifted, sql`id`)} as new_id from executions where job_id = ${jobId}
        ), of_attempts as (
          update attempts set execution_id = moved.new_id from moved where execution_id = moved.id
        ), of_failures as (
          update unjudged_failures set execution_id = moved.new_id from moved where execution_id = moved.id
        )
        update executions e set id = moved.new_id, scheduled_for = ${shifted},
          scheduled_until = scheduled_until - make_interval(secs => ${shift})
        from moved where e.id = moved.id`);
    }
    await tx.execute(sql`
      update executions set created_at = ${earlier(sql`created_at`)}, started_at = ${earlier(sql`started_at`)},
        completed_at = ${earlier(sql`completed_at`)}
      where job_id = ${jobId}`);
  });
}
