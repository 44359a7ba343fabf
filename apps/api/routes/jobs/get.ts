import { errorAnswers, jobAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { asPresented, presentJob } from "../../present-job.ts";

export const getJobRoute: Route = (app, { readJob }) =>
  app.route({
    method: "GET",
    url: "/automation/jobs/:id",
    schema: {
      operationId: "getJob",
      summary: "Get a job",
      tags: ["jobs"],
      params: idOf("job"),
      response: { 200: jobAnswer, ...errorAnswers("NOT_FOUND") },
    },
    serializerCompiler: asPresented,
    async handler(request) {
      return presentJob(found("job", await readJob(accountOf(request), request.params.id)));
    },
  });
