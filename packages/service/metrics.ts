import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/**
 * What Prometheus is told. None of these has the id of a job or an execution as a label: each value of a label is a
 * series that Prometheus keeps, and there are as many jobs as people make. The ledger knows of each one.
 */
export type Metrics = {
  registry: Registry;
  /** Does this each time before the text is made. */
  beforeText(refresh: () => Promise<void>): void;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
};

/** `ofProcess`: also what Node tells of the process. Once in a process: it starts to measure. */
export function createMetrics({ ofProcess }: { ofProcess: boolean }): Metrics {
  const registry = new Registry();
  if (ofProcess) collectDefaultMetrics({ register: registry });
  const refreshes: (() => Promise<void>)[] = [];
  return {
    registry,
    beforeText: (refresh) => void refreshes.push(refresh),
    async text() {
      await Promise.all(refreshes.map((refresh) => refresh()));
      return registry.metrics();
    },
  };
}

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** From empty functions to the longest that are common. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export type ExecutionMetrics = {
  phaseEnded(phase: "check" | "perform", outcome: { ms: number; ok: boolean }): void;
  /** An execution that was run has come to its end. */
  runEnded(status: string): void;
};

export function executionMetrics({ registry }: Metrics): ExecutionMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: "automation_execution_duration",
    help: "How long a phase took, in seconds",
    labelNames: ["phase"],
    buckets: SECONDS,
    registers,
  });
  const success = new Histogram({
    name: "automation_execution_success",
    help: "1 for each phase that succeeded, 0 for each that failed: its sum by its count is the rate of success",
    labelNames: ["phase"],
    buckets: [0, 1],
    registers,
  });
  const runs = new Counter({
    name: "automation_job_runs_total",
    help: "Executions that were run and came to their end",
    labelNames: ["status"],
    registers,
  });
  return {
    phaseEnded(phase, { ms, ok }) {
      duration.observe({ phase }, ms / 1000);
      success.observe({ phase }, ok ? 1 : 0);
    },
    runEnded: (status) => runs.inc({ status }),
  };
}

export type JobMetrics = { created(accountId: string, jobs?: number): void; updated(accountId: string): void };

export function jobMetrics({ registry }: Metrics): JobMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ["account_id"], registers: [registry] });
  const created = counter("automation_jobs_created_total", "Jobs created through this process");
  const updated = counter("automation_jobs_updated_total", "Jobs changed through this process");
  return {
    created: (account_id, jobs = 1) => created.inc({ account_id }, jobs),
    updated: (account_id) => updated.inc({ account_id }),
  };
}

/** What is the same wherever it is read, since the database says it. */
export type ClusterState = {
  enabledJobs: number;
  breakers: { functionId: string; state: "closed" | "open" | "half_open" }[];
};

const BREAKER_VALUES = { closed: 0, half_open: 1, open: 2 } as const;

/** Asks `read` whenever somebody looks. While it fails there are no values, and the others are there all the same. */
export function clusterMetrics(metrics: Metrics, read: () => Promise<ClusterState>): void {
  const registers = [metrics.registry];
  const enabled = new Gauge({
    name: "automation_job_enabled",
    help: "Jobs that are enabled, of all accounts",
    registers,
  });
  const breaker = new Gauge({
    name: "belfry_function_breaker_state",
    help: "Circuit breakers of functions of kind http of which something has failed: 0 closed, 1 half open, 2 open",
    labelNames: ["function_id"],
    registers,
  });
  metrics.beforeText(async () => {
    const state = await read().catch(() => null);
    breaker.reset();
    if (state === null) return enabled.remove();
    enabled.set(state.enabledJobs);
    for (const { functionId, state: value } of state.breakers) {
      breaker.set({ function_id: functionId }, BREAKER_VALUES[value]);
    }
  });
}
