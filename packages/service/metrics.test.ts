import { expect, it } from "vitest";
import { type ClusterState, clusterMetrics, createMetrics, executionMetrics, jobMetrics } from "./metrics.ts";

const lines = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

it("counts runs by their end, and phases by how long they took and whether they succeeded", async () => {
  const metrics = createMetrics({ ofProcess: false });
  const { phaseEnded, runEnded } = executionMetrics(metrics);
  phaseEnded("check", { ms: 20, ok: true });
  phaseEnded("perform", { ms: 3_000, ok: true });
  phaseEnded("perform", { ms: 1_000, ok: false });
  runEnded("success");
  runEnded("failed");
  runEnded("failed");

  expect(lines(await metrics.text())).toEqual(
    expect.arrayContaining([
      'automation_job_runs_total{status="success"} 1',
      'automation_job_runs_total{status="failed"} 2',
      'automation_execution_duration_bucket{le="0.025",phase="check"} 1',
      'automation_execution_duration_bucket{le="0.01",phase="check"} 0',
      'automation_execution_duration_sum{phase="perform"} 4',
      'automation_execution_success_sum{phase="perform"} 1',
      'automation_execution_success_count{phase="perform"} 2',
    ]),
  );
});

it("counts jobs by account", async () => {
  const metrics = createMetrics({ ofProcess: false });
  const { created, updated } = jobMetrics(metrics);
  created("a");
  updated("a");
  updated("b");

  expect(lines(await metrics.text())).toEqual([
    'automation_jobs_created_total{account_id="a"} 1',
    'automation_jobs_updated_total{account_id="a"} 1',
    'automation_jobs_updated_total{account_id="b"} 1',
  ]);
});

it("asks for the cluster's state each time, and tells the rest while there is no answer", async () => {
  const metrics = createMetrics({ ofProcess: false });
  jobMetrics(metrics).created("a");
  let state: ClusterState | null = {
    enabledJobs: 7,
    breakers: [
      { functionId: "f1", state: "open" },
      { functionId: "f2", state: "half_open" },
    ],
  };
  clusterMetrics(metrics, async () => {
    if (state === null) throw new Error("the database is away");
    return state;
  });

  expect(lines(await metrics.text())).toEqual([
    'automation_jobs_created_total{account_id="a"} 1',
    "automation_job_enabled 7",
    'belfry_function_breaker_state{function_id="f1"} 2',
    'belfry_function_breaker_state{function_id="f2"} 1',
  ]);
  state = { enabledJobs: 0, breakers: [{ functionId: "f1", state: "closed" }] };
  expect(lines(await metrics.text()).slice(1)).toEqual([
    "automation_job_enabled 0",
    'belfry_function_breaker_state{function_id="f1"} 0',
  ]);
  state = null;
  expect(lines(await metrics.text())).toEqual(['automation_jobs_created_total{account_id="a"} 1']);
});

it("tells of the process if asked to", async () => {
  expect(await createMetrics({ ofProcess: true }).text()).toContain("nodejs_eventloop_lag_seconds");
});
