import { jobStatus } from "@belfry/contract/states.ts";
import { listJobs } from "@belfry/db/read-jobs.ts";
import { z } from "zod";
import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeIdCursor, idCursor } from "../../cursor.ts";
import { flag, LIST_DESCRIPTION, limit, page } from "../../page.ts";
import { asPresented, presentJob } from "../../present-job.ts";

const querystring = z.strictObject({
  name: z.string().max(255).optional(),
  status: jobStatus.optional(),
  enabled: flag.optional(),
  project: z.string().max(63).optional(),
  function_id: z.uuid("must be a UUID").optional(),
  limit,
  cursor: idCursor.optional(),
});

export const listJobsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/jobs",
    schema: {
      operationId: "listJobs",
      summary: "List jobs, newest first",
      description: LIST_DESCRIPTION,
      tags: ["jobs"],
      querystring,
      response: { 200: z.array(jobAnswer), ...errorAnswers("BAD_REQUEST") },
    },
    serializerCompiler: asPresented,
    async handler(request, reply) {
      const { limit, cursor, function_id, ...filter } = request.query;
      const rows = await listJobs(
        db,
        accountOf(request),
        { ...filter, functionId: function_id },
        { limit: limit + 1, ...(cursor && { before: cursor }) },
      );
      return page(request, reply, { rows, limit, cursorOf: encodeIdCursor }).map(presentJob);
    },
  });
