import { deleteJob } from "@belfry/db/jobs.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentJob } from "../../present-job.ts";

export const deleteJobRoute: Route = (app, { db }) =>
  app.route({
    method: "DELETE",
    url: "/automation/jobs/:id",
    preValidation: noBody,
    schema: {
      operationId: "deleteJob",
      summary: "Delete a job",
      description:
        "Softly: the job is disabled, its name and its executions stay, and a patch with `enabled: true` brings it back.",
      tags: ["jobs"],
      params: idOf("job"),
      response: { 200: jobAnswer, ...errorAnswers("NOT_FOUND", "VALIDATION_ERROR") },
    },
    async handler(request) {
      const account = accountOf(request);
      const { id } = request.params;
      assertFound("job", await deleteJob(db, account, id));
      request.log.info({ job_id: id, account_id: account }, "job deleted");
      return presentJob(found("job", await getJob(db, account, id)));
    },
  });
