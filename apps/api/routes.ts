import type { Route } from "./app.ts";
import { getAccountRoute } from "./routes/accounts/get.ts";
import { patchAccountRoute } from "./routes/accounts/patch.ts";
import { createCalendarRoute } from "./routes/calendars/create.ts";
import { deleteCalendarRoute } from "./routes/calendars/delete.ts";
import { getCalendarRoute } from "./routes/calendars/get.ts";
import { importCalendarRoute } from "./routes/calendars/import.ts";
import { listCalendarsRoute } from "./routes/calendars/list.ts";
import { patchCalendarRoute } from "./routes/calendars/patch.ts";
import { cancelExecutionRoute } from "./routes/executions/cancel.ts";
import { completePhaseRoute } from "./routes/executions/complete.ts";
import { getExecutionRoute } from "./routes/executions/get.ts";
import { heartbeatPhaseRoute } from "./routes/executions/heartbeat.ts";
import { listExecutionsRoute } from "./routes/executions/list.ts";
import { createFunctionRoute } from "./routes/functions/create.ts";
import { deleteFunctionRoute } from "./routes/functions/delete.ts";
import { getFunctionRoute } from "./routes/functions/get.ts";
import { listFunctionsRoute } from "./routes/functions/list.ts";
import { patchFunctionRoute } from "./routes/functions/patch.ts";
import { getRegistryRoute } from "./routes/functions/registry.ts";
import { resetBreakerRoute } from "./routes/functions/reset-breaker.ts";
import { rollbackFunctionRoute } from "./routes/functions/rollback.ts";
import { rotateSecretRoute } from "./routes/functions/rotate-secret.ts";
import { testFunctionRoute } from "./routes/functions/test.ts";
import { getVersionRoute } from "./routes/functions/version.ts";
import { listVersionsRoute } from "./routes/functions/versions.ts";
import { livezRoute, readyzRoute } from "./routes/health.ts";
import { bulkJobsRoute } from "./routes/jobs/bulk.ts";
import { createJobRoute } from "./routes/jobs/create.ts";
import { deleteJobRoute } from "./routes/jobs/delete.ts";
import { listJobExecutionsRoute } from "./routes/jobs/executions.ts";
import { getJobRoute } from "./routes/jobs/get.ts";
import { listJobsRoute } from "./routes/jobs/list.ts";
import { nextRunsRoute } from "./routes/jobs/next-runs.ts";
import { listOccurrencesRoute } from "./routes/jobs/occurrences.ts";
import { patchJobRoute } from "./routes/jobs/patch.ts";
import { pauseJobRoute } from "./routes/jobs/pause.ts";
import { resumeJobRoute } from "./routes/jobs/resume.ts";
import { runJobRoute } from "./routes/jobs/run.ts";
import { auditLedgerRoute } from "./routes/ledger/audit.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { sandboxTypesRoute } from "./routes/sandbox-types.ts";
import { previewScheduleRoute } from "./routes/schedules/preview.ts";
import { listDutiesRoute } from "./routes/system/duties.ts";

/** Everything that the API can be asked, in the order of its documentation. */
export const ROUTES: readonly Route[] = [
  listFunctionsRoute, //      GET    /automation/functions
  createFunctionRoute, //     POST   /automation/functions
  getFunctionRoute, //        GET    /automation/functions/{id}
  patchFunctionRoute, //      PATCH  /automation/functions/{id}
  deleteFunctionRoute, //     DELETE /automation/functions/{id}
  listVersionsRoute, //       GET    /automation/functions/{id}/versions
  getVersionRoute, //         GET    /automation/functions/{id}/versions/{version}
  rollbackFunctionRoute, //   POST   /automation/functions/{id}/rollback
  testFunctionRoute, //       POST   /automation/functions/{id}/test
  sandboxTypesRoute, //       GET    /automation/sandbox/types
  resetBreakerRoute, //       POST   /automation/functions/{id}/reset-breaker
  getRegistryRoute, //        GET    /automation/registry
  rotateSecretRoute, //       POST   /automation/functions/{id}/rotate-secret

  listJobsRoute, //           GET    /automation/jobs
  createJobRoute, //          POST   /automation/jobs
  bulkJobsRoute, //           POST   /automation/jobs:bulk
  getJobRoute, //             GET    /automation/jobs/{id}
  patchJobRoute, //           PATCH  /automation/jobs/{id}
  deleteJobRoute, //          DELETE /automation/jobs/{id}
  runJobRoute, //             POST   /automation/jobs/{id}/run
  pauseJobRoute, //           POST   /automation/jobs/{id}/pause
  resumeJobRoute, //          POST   /automation/jobs/{id}/resume
  listJobExecutionsRoute, //  GET    /automation/jobs/{id}/executions
  listOccurrencesRoute, //    GET    /automation/jobs/{id}/occurrences
  nextRunsRoute, //           GET    /automation/jobs/{id}/next-runs

  previewScheduleRoute, //    POST   /automation/schedules/preview

  listCalendarsRoute, //      GET    /automation/calendars
  createCalendarRoute, //     POST   /automation/calendars
  getCalendarRoute, //        GET    /automation/calendars/{id}
  patchCalendarRoute, //      PATCH  /automation/calendars/{id}
  deleteCalendarRoute, //     DELETE /automation/calendars/{id}
  importCalendarRoute, //     POST   /automation/calendars/{id}/import

  listExecutionsRoute, //     GET    /automation/executions
  getExecutionRoute, //       GET    /automation/executions/{id}
  cancelExecutionRoute, //    POST   /automation/executions/{id}/cancel
  completePhaseRoute, //      POST   /automation/executions/{id}/complete
  heartbeatPhaseRoute, //     POST   /automation/executions/{id}/heartbeat

  getAccountRoute, //         GET    /automation/account
  patchAccountRoute, //       PATCH  /automation/accounts/{id}

  auditLedgerRoute, //        GET    /automation/ledger/audit

  listDutiesRoute, //         GET    /automation/system/duties

  metricsRoute, //            GET    /metrics

  livezRoute, //              GET    /livez
  readyzRoute, //             GET    /readyz
];
