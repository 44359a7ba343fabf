import { resumeJob } from "@belfry/db/jobs.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentJob } from "../../present-job.ts";

export const resumeJobRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/jobs/:id/resume",
    preValidation: noBody,
    schema: {
      operationId: "resumeJob",
      summary: "Resume a job",
      description: "It goes on with the first occurrence after now.",
      tags: ["jobs"],
      params: idOf("job"),
      response: { 200: jobAnswer, ...errorAnswers("NOT_FOUND", "JOB_NOT_ACTIVE", "VALIDATION_ERROR") },
    },
    async handler(request) {
      const account = accountOf(request);
      const { id } = request.params;
      assertFound("job", await resumeJob(db, account, id));
      request.log.info({ job_id: id, account_id: account }, "job resumed");
      return presentJob(found("job", await getJob(db, account, id)));
    },
  });
