import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { PARKED_UNTIL } from "./gates.ts";
import { array, toInstant, toMs } from "./sql-values.ts";

export type StuckExecution = { executionId: string; jobId: string; scheduledFor: number; why: string };

/** Far more than a scheduler or a worker is away in a deploy. */
const PENDING_MINUTES = 10;
/** Besides what the job's own time-outs allow. */
const RUNNING_HOURS = 24;
/** What a stopped worker ran is taken from it within seconds. */
const STOPPED_MINUTES = 1;
/** More of one batch of jobs nobody reads. */
const MAX_STUCK = 1_000;

/** Open executions of these jobs with which nothing goes on, and why we think so. `now` and instants in milliseconds. */
export async function readStuck(tx: Db, jobIds: readonly string[], now: number): Promise<StuckExecution[]> {
  const ago = (interval: string) => sql`${toInstant(now)} - ${interval}::interval`;
  const { rows } = await tx.execute<StuckExecution>(sql`
    select * from (
      select e.id as "executionId", e.job_id as "jobId", ${toMs(sql`e.scheduled_for`)} as "scheduledFor", case
        when e.status = 'pending' and not (j.status = 'active' and j.enabled)
          then 'is pending, though its job is not active'
        when e.status = 'pending' and not e.held and greatest(e.publish_at, e.available_at) < ${ago(`${PENDING_MINUTES} minutes`)}
          then 'is pending, and was not published since ' || to_char(e.publish_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        when e.status = 'pending' and e.gate is not null and e.publish_at = ${PARKED_UNTIL}
            and e.available_at < ${ago(`${PENDING_MINUTES} minutes`)} and not exists (select from gates g where g.id = e.gate)
          then 'waits for a limit that is no more'
        when e.status = 'pending' and e.held and e.created_at < ${ago(`${PENDING_MINUTES} minutes`)} and not exists (
            select from executions o where o.job_id = e.job_id and o.status in ('pending', 'running') and not o.held)
          then 'waits for its turn, though nothing else of the job is open'
        when e.status = 'running' and w.id is null and e.started_at < ${ago(`${STOPPED_MINUTES} minutes`)}
          then 'is running on a worker that nobody knows'
        when e.status = 'running' and w.stopped_at < ${ago(`${STOPPED_MINUTES} minutes`)}
          then 'is running on a worker that has stopped'
        when e.status = 'running' and e.started_at < ${ago(`${RUNNING_HOURS} hours`)} - make_interval(secs => coalesce(j.timeout_ms, 0) / 1000.0)
          then 'is running since ' || to_char(e.started_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        end as why
      from executions e
      join jobs j on j.id = e.job_id
      left join workers w on w.id = e.worker
      where e.job_id = any(${array(jobIds, "uuid")}) and e.status in ('pending', 'running')
    ) open
    where why is not null
    order by "scheduledFor"
    limit ${MAX_STUCK}`);
  return rows;
}
