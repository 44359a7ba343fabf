import { pauseJob } from "@belfry/db/jobs.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentJob } from "../../present-job.ts";

export const pauseJobRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/jobs/:id/pause",
    preValidation: noBody,
    schema: {
      operationId: "pauseJob",
      summary: "Pause a job",
      description:
        "Nothing of it starts after this has answered: what was pending is skipped, what runs goes on to its end.",
      tags: ["jobs"],
      params: idOf("job"),
      response: { 200: jobAnswer, ...errorAnswers("NOT_FOUND", "JOB_NOT_ACTIVE", "VALIDATION_ERROR") },
    },
    async handler(request) {
      const account = accountOf(request);
      const { id } = request.params;
      assertFound("job", await pauseJob(db, account, id));
      request.log.info({ job_id: id, account_id: account }, "job paused");
      return presentJob(found("job", await getJob(db, account, id)));
    },
  });
