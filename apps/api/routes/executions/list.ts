import { listExecutions } from "@belfry/db/read-executions.ts";
import { z } from "zod";
import { errorAnswers, executionAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeExecutionCursor } from "../../cursor.ts";
import { executionQuery } from "../../execution-query.ts";
import { LIST_DESCRIPTION, page } from "../../page.ts";
import { presentExecution } from "../../present-execution.ts";

const querystring = z.strictObject({ job_id: z.uuid("must be a UUID").optional(), ...executionQuery });

export const listExecutionsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/executions",
    schema: {
      operationId: "listExecutions",
      summary: "List executions, newest first",
      description: LIST_DESCRIPTION,
      tags: ["executions"],
      querystring,
      response: { 200: z.array(executionAnswer), ...errorAnswers("BAD_REQUEST") },
    },
    async handler(request, reply) {
      const { limit, cursor, job_id, ...filter } = request.query;
      const rows = await listExecutions(
        db,
        accountOf(request),
        { ...filter, jobId: job_id },
        { limit: limit + 1, ...(cursor && { before: cursor }) },
      );
      return page(request, reply, { rows, limit, cursorOf: encodeExecutionCursor }).map(presentExecution);
    },
  });
