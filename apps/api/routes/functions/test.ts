import { ApiError, invalidField } from "@belfry/contract/errors.ts";
import { type TestFunctionBody, testFunctionBody } from "@belfry/contract/sandbox.ts";
import type { Db } from "@belfry/db/client.ts";
import { askForTest, forgetTest } from "@belfry/db/function-tests.ts";
import { getCode } from "@belfry/db/function-versions.ts";
import { type FunctionRow, getFunction } from "@belfry/db/functions.ts";
import { errorAnswers, functionTestAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";

/** What a phase gets that nobody gave a limit, as in the workers. */
const DEFAULT_TIMEOUT_MS = 30_000;
/** For the way to the worker and back. */
const WAY_MS = 5_000;
const MAX_WAIT_MS = 60_000;

export const testFunctionRoute: Route = (app, { db, tests }) =>
  app.route({
    method: "POST",
    url: "/automation/functions/:id/test",
    schema: {
      operationId: "testFunction",
      summary: "Call a function without a job, and see what it does",
      description:
        "A worker calls check and perform as for an execution, and the answer is what would be recorded of them. It is in no ledger and counts nowhere. Its effects are real.",
      tags: ["functions"],
      params: idOf("function"),
      body: testFunctionBody.prefault({}),
      response: {
        200: functionTestAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "NOT_FOUND",
          "NO_WORKER",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
          "TEST_TIMEOUT",
        ),
      },
    },
    async handler(request) {
      const accountId = accountOf(request);
      const fn = found("function", await getFunction(db, accountId, request.params.id));
      assertTestable(fn, request.body);
      await assertVersion(db, fn, request.body);
      const waitMs = waitFor(fn, request.body);
      const testId = await askForTest(db, { accountId, fn, request: request.body, waitMs });
      if (testId === null) throw new ApiError("NO_WORKER", noWorker(fn, request.body.pool));
      request.log.info({ function_id: fn.id, account_id: accountId, test_id: testId }, "function test asked for");
      const answer = await tests.wait(testId, waitMs);
      if (answer) return answer;
      await forgetTest(db, testId);
      throw new ApiError(
        "TEST_TIMEOUT",
        `no worker has answered within ${waitMs} ms; the function may have been called`,
      );
    },
  });

/** The process of a module goes through all its phases by itself. */
function assertTestable({ kind, check }: FunctionRow, { phase, event }: TestFunctionBody): void {
  if (kind !== "module") return;
  if (event !== undefined) throw invalidField("event", "a function of kind module takes no further keys");
  if (phase === "perform" && check) throw invalidField("phase", "a function of kind module is not performed unchecked");
}

async function assertVersion(db: Db, fn: FunctionRow, { version }: TestFunctionBody): Promise<void> {
  if (version === undefined) return;
  if (fn.kind !== "sandbox") throw invalidField("version", `a function of kind ${fn.kind} has no versions`);
  if ((await getCode(db, fn.id, version)) === null) {
    throw invalidField("version", `the function has no version ${version}`);
  }
}

function waitFor({ timeoutMs, check }: FunctionRow, { phase }: TestFunctionBody): number {
  const phases = phase === undefined && check ? 2 : 1;
  return Math.min(MAX_WAIT_MS, (timeoutMs ?? DEFAULT_TIMEOUT_MS) * phases + WAY_MS);
}

function noWorker({ module }: FunctionRow, pool: string): string {
  const having = module === null ? "" : ` that has the module "${module}"`;
  return `no worker of the pool "${pool}"${having} is running`;
}
