import { databaseNow } from "@belfry/db/client.ts";
import type { JobWithLedger } from "@belfry/db/job-glance.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { preview } from "@belfry/schedule/occurrences.ts";
import { z } from "zod";
import { errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { wholeNumber } from "../../page.ts";

const querystring = z.strictObject({ count: wholeNumber(1, 100).default(5) });

export const nextRunsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/jobs/:id/next-runs",
    schema: {
      operationId: "listNextRuns",
      summary: "List a job's next occurrences",
      description: "Empty for a job that is not active, fewer than `count` when the schedule or `max_runs` ends.",
      tags: ["jobs"],
      params: idOf("job"),
      querystring,
      response: { 200: z.array(z.iso.datetime()), ...errorAnswers("BAD_REQUEST", "NOT_FOUND") },
    },
    async handler(request) {
      const job = found("job", await getJob(db, accountOf(request), request.params.id));
      return nextRuns(job, await databaseNow(db), request.query.count);
    },
  });

/** From `next_run` on, which is what the scheduler waits for; or from now, should it be behind. */
function nextRuns(job: JobWithLedger, now: number, count: number): string[] {
  if (!job.nextRun) return [];
  const left = job.maxRuns === 0 ? count : Math.min(count, job.maxRuns - job.runCount);
  const runs = preview(job.scheduleSpec, Math.max(now, job.nextRun.getTime() - 1), left);
  return runs.map((run) => new Date(run).toISOString());
}
