import { patchJobBody } from "@belfry/contract/job.ts";
import { patchJob } from "@belfry/db/jobs.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { assertPatchedPayload } from "../../assert-payload.ts";
import { assertFound, found, idOf } from "../../not-found.ts";
import { presentJob } from "../../present-job.ts";

export const patchJobRoute: Route = (app, { db, jobMetrics }) =>
  app.route({
    method: "PATCH",
    url: "/automation/jobs/:id",
    schema: {
      operationId: "patchJob",
      summary: "Change a job",
      description: "What is absent stays as it is. A new schedule takes effect now and gives a new `next_run`.",
      tags: ["jobs"],
      params: idOf("job"),
      body: patchJobBody,
      response: {
        200: jobAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "NOT_FOUND",
          "JOB_NAME_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
          "SCHEDULE_INVALID",
        ),
      },
    },
    async handler(request) {
      const account = accountOf(request);
      const { id } = request.params;
      await assertPatchedPayload(db, account, id, request.body);
      assertFound("job", await patchJob(db, account, id, request.body));
      jobMetrics.updated(account);
      request.log.info({ job_id: id, account_id: account, fields: Object.keys(request.body) }, "job updated");
      return presentJob(found("job", await getJob(db, account, id)));
    },
  });
