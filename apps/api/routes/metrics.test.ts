import { countFailures } from "@belfry/db/breaker.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { aFunction, aJob, startTestApi, type TestApi } from "../test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

it("tells an admin of jobs and circuit breakers, and nobody else", async () => {
  const [admin, member] = [await api.newClient("admin"), await api.newClient()];
  const { id } = await aJob(member);
  await member.patch(`/automation/jobs/${id}`, { description: "changed" });
  const failing = await aFunction(member);
  await countFailures(api.db, failing, { succeeded: false, failures: 5 });
  const reset = await aFunction(member);
  await countFailures(api.db, reset, { succeeded: false, failures: 5 });
  await member.post(`/automation/functions/${reset}/reset-breaker`);

  const answer = await admin.get("/metrics");
  expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  const lines = answer.body.split("\n");
  expect(lines).toContain(`automation_jobs_created_total{account_id="${member.accountId}"} 1`);
  expect(lines).toContain(`automation_jobs_updated_total{account_id="${member.accountId}"} 1`);
  expect(lines).toContain("automation_job_enabled 1");
  expect(lines.filter((line) => line.startsWith("belfry_function_breaker_state")).sort()).toEqual(
    [
      `belfry_function_breaker_state{function_id="${failing}"} 2`,
      `belfry_function_breaker_state{function_id="${reset}"} 0`,
    ].sort(),
  );
  expect((await member.get("/metrics")).statusCode).toBe(403);
});
