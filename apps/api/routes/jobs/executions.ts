import { listExecutions } from "@belfry/db/read-executions.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { z } from "zod";
import { errorAnswers, executionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeExecutionCursor } from "../../cursor.ts";
import { executionQuery } from "../../execution-query.ts";
import { found, idOf } from "../../not-found.ts";
import { LIST_DESCRIPTION, page } from "../../page.ts";
import { presentExecution } from "../../present-execution.ts";

export const listJobExecutionsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/jobs/:id/executions",
    schema: {
      operationId: "listJobExecutions",
      summary: "List a job's executions, newest occurrence first",
      description: LIST_DESCRIPTION,
      tags: ["jobs", "executions"],
      params: idOf("job"),
      querystring: z.strictObject(executionQuery),
      response: { 200: z.array(executionAnswer), ...errorAnswers("BAD_REQUEST", "NOT_FOUND") },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const job = found("job", await getJob(db, account, request.params.id));
      const { limit, cursor, ...filter } = request.query;
      const rows = await listExecutions(
        db,
        account,
        { ...filter, jobId: job.id },
        { limit: limit + 1, ...(cursor && { before: cursor }) },
      );
      return page(request, reply, { rows, limit, cursorOf: encodeExecutionCursor }).map(presentExecution);
    },
  });
