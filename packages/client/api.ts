// Made from the API's OpenAPI document by `npm run client:generate`. Not to be changed by hand.

import type { Call, List } from "./call.ts";

export type Job = {
  id: string;
  account_id: string;
  function_id: string;
  name: string;
  description: string;
  project: string | null;
  schedule: Schedule;
  schedule_description: string;
  timezone: string;
  dst: { gap: "shift" | "next" | "skip"; fold: "first" | "last" | "both" } | null;
  payload: unknown;
  priority: "critical" | "high" | "medium" | "low" | "background";
  pool: string;
  max_runs: number;
  timeout_ms: number | null;
  check_timeout_ms: number | null;
  perform_timeout_ms: number | null;
  misfire: { policy: "skip" | "run_once" | "run_all"; grace_ms: number; max_runs: number; max_age_ms: number };
  overlap: { policy: "skip" | "queue" | "cancel_running" | "allow"; max_instances: number; max_queued: number };
  auto_pause_after: number;
  retry: { attempts: number; backoff_ms: number; max_backoff_ms: number; jitter: number };
  delivery: "at_least_once" | "at_most_once";
  status: "active" | "paused" | "completed";
  enabled: boolean;
  paused_reason: string | null;
  run_count: number;
  last_run: string | null;
  next_run: string | null;
  warnings: {
    code: "NO_WORKER" | "OVERDUE" | "NOT_STARTED" | "OUTLASTS_INTERVAL" | "FAILING";
    message: string;
    since: string;
  }[];
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
};

export type CreatedJobs = { created: number; jobs: { id: string; name: string; next_run: string | null }[] };

export type ImportedJobs = {
  lines: number;
  created: number;
  refused: number;
  errors: Errors[];
  stopped: Errors | null;
};

export type FunctionRecord = {
  id: string;
  account_id: string | null;
  name: string;
  description: string;
  kind: "http" | "module" | "sandbox";
  url: string | null;
  headers: Record<string, string> | null;
  module: string | null;
  check: boolean;
  timeout_ms: number | null;
  version: number | null;
  hosts: string[] | null;
  limits: { memory_mb: number; cpu_ms: number } | null;
  breaker: Breaker | null;
  max_concurrency: number | null;
  rate_limit: { starts: number; per_seconds: number } | null;
  connect_timeout_ms: number | null;
  headers_timeout_ms: number | null;
  body_timeout_ms: number | null;
  created_at: string;
  updated_at: string;
};

export type FunctionVersion = {
  version: number;
  language: "javascript" | "typescript";
  check: boolean;
  current: boolean;
  bytes: number;
  created_at: string;
};

export type FunctionVersionWithSource = {
  version: number;
  language: "javascript" | "typescript";
  check: boolean;
  current: boolean;
  bytes: number;
  created_at: string;
  source: string;
};

export type FunctionTest = {
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback: PhaseRecord | null;
  function_version: number | null;
  error: {
    code:
      | "FUNCTION_ERROR"
      | "FUNCTION_NOT_FOUND"
      | "CHECK_INVALID"
      | "HTTP_STATUS"
      | "HTTP_FAILED"
      | "TARGET_BLOCKED"
      | "PAYLOAD_INVALID"
      | "FUNCTION_CRASHED"
      | "TIMEOUT"
      | "CANCELLED"
      | "WORKER_LOST"
      | "WORKER_STOPPED"
      | "INTERNAL";
    message: string;
  } | null;
};

export type Account = {
  id: string;
  name: string;
  max_concurrency: number | null;
  rate_limit: { starts: number; per_seconds: number } | null;
  created_at: string;
};

export type Registry = {
  functions: {
    name: string;
    description: string;
    enabled: boolean;
    workers: { id: string; pool: string; since: string }[];
    problem?: string;
  }[];
  problems: { file: string; message: string; workers: string[] }[];
};

export type CreatedFunction = {
  id: string;
  account_id: string | null;
  name: string;
  description: string;
  kind: "http" | "module" | "sandbox";
  url: string | null;
  headers: Record<string, string> | null;
  module: string | null;
  check: boolean;
  timeout_ms: number | null;
  version: number | null;
  hosts: string[] | null;
  limits: { memory_mb: number; cpu_ms: number } | null;
  breaker: Breaker | null;
  max_concurrency: number | null;
  rate_limit: { starts: number; per_seconds: number } | null;
  connect_timeout_ms: number | null;
  headers_timeout_ms: number | null;
  body_timeout_ms: number | null;
  created_at: string;
  updated_at: string;
  signing_secret?: string;
};

export type RotatedSecret = { function_id: string; signing_secret: string; older_secrets_until: string | null };

export type Calendar = {
  id: string;
  account_id: string;
  name: string;
  description: string;
  date_count: number;
  version: number;
  created_at: string;
  updated_at: string;
  dates: string[];
};

export type CalendarSummary = {
  id: string;
  account_id: string;
  name: string;
  description: string;
  date_count: number;
  version: number;
  created_at: string;
  updated_at: string;
};

export type ChangedCalendar = {
  id: string;
  account_id: string;
  name: string;
  description: string;
  date_count: number;
  version: number;
  created_at: string;
  updated_at: string;
  dates: string[];
  jobs_to_replan: number;
};

export type ImportedCalendar = {
  id: string;
  account_id: string;
  name: string;
  description: string;
  date_count: number;
  version: number;
  created_at: string;
  updated_at: string;
  dates: string[];
  jobs_to_replan: number;
  events: number;
  dates_added: number;
  dates_removed: number;
};

export type Execution = {
  id: string;
  job_id: string;
  account_id: string;
  function_id: string;
  function_version: number | null;
  trigger: "schedule" | "manual";
  scheduled_for: string;
  occurrences: number;
  scheduled_until: string;
  status: "pending" | "running" | "success" | "failed" | "cancelled" | "skipped";
  skip_reason: "check_declined" | "function_disabled" | "misfire" | "overlap" | "paused" | null;
  attempt: number;
  worker: string | null;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
  error: ExecutionError | null;
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback: PhaseRecord | null;
  progress: { percent: number; text: string; at: string } | null;
};

export type ExecutionWithAttempts = {
  id: string;
  job_id: string;
  account_id: string;
  function_id: string;
  function_version: number | null;
  trigger: "schedule" | "manual";
  scheduled_for: string;
  occurrences: number;
  scheduled_until: string;
  status: "pending" | "running" | "success" | "failed" | "cancelled" | "skipped";
  skip_reason: "check_declined" | "function_disabled" | "misfire" | "overlap" | "paused" | null;
  attempt: number;
  worker: string | null;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
  error: ExecutionError | null;
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback: PhaseRecord | null;
  progress: { percent: number; text: string; at: string } | null;
  attempts: {
    attempt: number;
    outcome: "failed" | "lost";
    worker: string;
    started_at: string;
    ended_at: string;
    error: ExecutionError;
  }[];
  waiting: string | null;
};

export type CallbackReceipt = { execution_id: string; attempt: number; phase: "check" | "perform" };

export type Occurrence = {
  scheduled_for: string;
  status: "pending" | "running" | "success" | "failed" | "cancelled" | "skipped" | "planned";
  skip_reason: "check_declined" | "function_disabled" | "misfire" | "overlap" | "paused" | null;
  execution_id: string | null;
  late_ms: number | null;
  error: ExecutionError | null;
  reason: string;
};

export type SchedulePreview = {
  description: string;
  timezone: string;
  from: string;
  occurrences: { at: string; local: string; notes: string[] }[];
  is_complete: boolean;
  dropped: { at: string; local: string; until: string; count: number; reason: string }[];
  dropped_is_complete: boolean;
  notes: string[];
  outage: {
    summary: string;
    rows: {
      scheduled_for: string;
      scheduled_until: string;
      occurrences: number;
      verdict: "runs_on_time" | "runs_late" | "skipped";
    }[];
    runs: number;
    skipped: number;
    next: string | null;
    is_complete: boolean;
  } | null;
};

export type LedgerAudit = {
  checked_at: string;
  ok: boolean;
  jobs: number;
  kept_from: string | null;
  terms: {
    due: number;
    success: number;
    failed: number;
    cancelled: number;
    skipped: number;
    running: number;
    pending: number;
  };
  findings: {
    kind: "hole" | "unplanned" | "duplicate" | "stuck" | "overdue" | "run_count" | "max_runs" | "plan" | "equation";
    job_id: string;
    job_name: string;
    account_id: string;
    execution_id: string | null;
    scheduled_for: string | null;
    scheduled_until: string | null;
    message: string;
  }[];
  omitted: number;
};

export type Duty = {
  name: string;
  every_ms: number;
  started_at: string | null;
  done_at: string | null;
  result: string | null;
  error: string | null;
  running: boolean;
  late: boolean;
};

export type ErrorRecord = {
  error: string;
  message: string;
  code: Code;
  details?: { path: string; message: string; code: string; line?: number; column?: number }[];
};

export type Schedule =
  | string
  | {
      type: "cron";
      value: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "interval";
      value: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "once";
      value: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "instants";
      values: string[];
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "daily";
      time?: string;
      times?: string[];
      every?: number;
      from?: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "weekly";
      days: (number | string)[];
      time?: string;
      times?: string[];
      every?: number;
      from?: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "monthly";
      day?: number | string;
      days?: (number | string)[];
      nth?: number | string | (number | string)[];
      weekday?: number | string | (number | string)[];
      short_months?: "last" | "skip";
      time?: string;
      times?: string[];
      every?: number;
      from?: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "yearly";
      date?: string;
      dates?: string[];
      months?: (number | string)[];
      day?: number | string;
      days?: (number | string)[];
      nth?: number | string | (number | string)[];
      weekday?: number | string | (number | string)[];
      short_months?: "last" | "skip";
      time?: string;
      times?: string[];
      every?: number;
      from?: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "rrule";
      value: string;
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      type: "any" | "all" | "except";
      of: unknown[];
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    }
  | {
      schedule_type: "daily" | "weekly" | "monthly" | "custom";
      schedule_time?: string;
      schedule_config?: {
        timezone?: string;
        days?: (number | string)[];
        day_of_month?: number | string | (number | string)[];
        customInterval?: string;
        custom_interval?: string;
        every?: number;
        from?: string;
        short_months?: "last" | "skip";
      };
      timezone?: string;
      start?: string;
      end?: string;
      exclude_dates?: string[];
      weekdays?: (number | string)[];
      windows?: string | string[];
      calendars?: { exclude?: string[]; include?: string[] };
      move?: "next" | "previous";
      jitter?: string;
    };

export type Code =
  | "MALFORMED_JSON"
  | "BAD_REQUEST"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "CONFLICT"
  | "JOB_NAME_TAKEN"
  | "FUNCTION_NAME_TAKEN"
  | "FUNCTION_IN_USE"
  | "CALENDAR_NAME_TAKEN"
  | "CALENDAR_IN_USE"
  | "JOB_NOT_ACTIVE"
  | "NO_WORKER"
  | "EXECUTION_FINAL"
  | "CALLBACK_ANSWERED"
  | "CALLBACK_CLOSED"
  | "PAYLOAD_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "VALIDATION_ERROR"
  | "SCHEDULE_INVALID"
  | "SOURCE_INVALID"
  | "IDEMPOTENCY_KEY_REUSED"
  | "TOO_MANY_UPLOADS"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "COMPILER_BUSY"
  | "TEST_TIMEOUT";

export type Errors = {
  line: number;
  error: string;
  message: string;
  code: Code;
  details?: { path: string; message: string; code: string }[];
};

export type Breaker = {
  state: "closed" | "open" | "half_open";
  failures: number;
  opened_at: string | null;
  retry_at: string | null;
  settings: { failures: number; open_seconds: number };
};

export type ExecutionError = {
  code:
    | "FUNCTION_ERROR"
    | "FUNCTION_NOT_FOUND"
    | "CHECK_INVALID"
    | "HTTP_STATUS"
    | "HTTP_FAILED"
    | "TARGET_BLOCKED"
    | "PAYLOAD_INVALID"
    | "FUNCTION_CRASHED"
    | "TIMEOUT"
    | "CANCELLED"
    | "WORKER_LOST"
    | "WORKER_STOPPED";
  message: string;
};

export type PhaseRecord = {
  input: unknown;
  output: unknown;
  logs: string[];
  error: ExecutionError | null;
  started_at: string;
  duration_ms: number;
  resources?: { cpu_ms: number; max_rss_mb: number; wall_ms: number } | null;
};

export type CreateJob = {
  function_id: string;
  name: string;
  schedule: Schedule;
  description?: string;
  project?: string | null;
  timezone?: string;
  dst?: { gap: "shift" | "next" | "skip"; fold: "first" | "last" | "both" } | null;
  payload?: unknown;
  priority?: "critical" | "high" | "medium" | "low" | "background";
  pool?: string;
  max_runs?: number;
  timeout_ms?: number | null;
  check_timeout_ms?: number | null;
  perform_timeout_ms?: number | null;
  misfire?: { policy?: "skip" | "run_once" | "run_all"; grace_ms?: number; max_runs?: number; max_age_ms?: number };
  overlap?: { policy?: "skip" | "queue" | "cancel_running" | "allow"; max_instances?: number; max_queued?: number };
  auto_pause_after?: number;
  retry?: { attempts?: number; backoff_ms?: number; max_backoff_ms?: number; jitter?: number };
  delivery?: "at_least_once" | "at_most_once";
  enabled?: boolean;
};

export interface Client {
  /** List the functions that the account may use, newest first. At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). */
  listFunctions: List<{ limit?: number; cursor?: string }, FunctionRecord>;

  /** Register a function. Kind `http` is called at its URL, and the answer has the secret that signs these calls: keep it, nothing answers it again. Kind `module` is code that the workers have brought along. Kind `sandbox` is the source in the body, JavaScript or TypeScript, which is compiled at once and run with no access to anything but the hosts that it lists. */
  createFunction: Call<
    {
      body:
        | {
            kind: "http";
            name: string;
            url: string;
            headers?: Record<string, string>;
            check?: boolean;
            breaker?: { failures?: number; open_seconds?: number };
            connect_timeout_ms?: number | null;
            headers_timeout_ms?: number | null;
            body_timeout_ms?: number | null;
            description?: string;
            timeout_ms?: number | null;
            max_concurrency?: number | null;
            rate_limit?: { starts: number; per_seconds: number } | null;
          }
        | {
            kind: "module";
            name: string;
            module?: string;
            description?: string;
            timeout_ms?: number | null;
            max_concurrency?: number | null;
            rate_limit?: { starts: number; per_seconds: number } | null;
          }
        | {
            kind: "sandbox";
            name: string;
            source: string;
            language?: "javascript" | "typescript";
            hosts?: string[];
            limits?: { memory_mb?: number; cpu_ms?: number };
            description?: string;
            timeout_ms?: number | null;
            max_concurrency?: number | null;
            rate_limit?: { starts: number; per_seconds: number } | null;
          };
    },
    CreatedFunction
  >;

  /** Get a function */
  getFunction: Call<{ id: string }, FunctionRecord>;

  /** Change a function. What is absent stays as it is. Attempts that run keep what they began with. `source` makes a new version of an uploaded function, which is the current one from then on. */
  patchFunction: Call<
    {
      id: string;
      body: {
        name?: string;
        description?: string;
        timeout_ms?: number | null;
        max_concurrency?: number | null;
        rate_limit?: { starts: number; per_seconds: number } | null;
        url?: string;
        headers?: Record<string, string>;
        connect_timeout_ms?: number | null;
        headers_timeout_ms?: number | null;
        body_timeout_ms?: number | null;
        check?: boolean;
        breaker?: { failures?: number; open_seconds?: number };
        module?: string;
        source?: string;
        language?: "javascript" | "typescript";
        hosts?: string[];
        limits?: { memory_mb?: number; cpu_ms?: number };
      };
    },
    FunctionRecord
  >;

  /** Delete a function. Refused while a job that is not deleted calls it. */
  deleteFunction: Call<{ id: string }, FunctionRecord>;

  /** List the versions of an uploaded function, newest first. At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). Other kinds have none. */
  listFunctionVersions: List<{ id: string; limit?: number; cursor?: string }, FunctionVersion>;

  /** Get a version of an uploaded function, with its source */
  getFunctionVersion: Call<{ id: string; version: number }, FunctionVersionWithSource>;

  /** Make another version of an uploaded function the current one. Attempts that begin from now on run it. Its hosts and limits are not part of a version, and stay. */
  rollbackFunction: Call<{ id: string; body: { version: number } }, FunctionRecord>;

  /** Call a function without a job, and see what it does. A worker calls check and perform as for an execution, and the answer is what would be recorded of them. It is in no ledger and counts nowhere. Its effects are real. */
  testFunction: Call<
    {
      id: string;
      body: { payload?: unknown; phase?: "check" | "perform"; event?: unknown; version?: number; pool?: string };
    },
    FunctionTest
  >;

  /** Get the types of what an uploaded function can use. TypeScript declarations, for an editor to load. */
  getSandboxTypes: Call<object, string>;

  /** Close a function's circuit breaker. Executions that it has postponed may start at once. One that is closed stays closed. Only functions of kind `http` have one. */
  resetBreaker: Call<{ id: string }, FunctionRecord>;

  /** Say which worker offers which module. A module without workers is one that a worker has offered before. `problems` are the files that workers cannot use. Paths and the names of machines are for admins. */
  getRegistry: Call<object, Registry>;

  /** Give a function a new signing secret. Answers the new secret, once. From then on calls are signed with it and, for `overlap_seconds` (a day if absent), with the older ones too, so that receivers can change over; 0 ends the older ones at once. When the answer was lost, rotate again: what the receivers know stays valid. A function of kind `http` that has no secret yet is signed from its first one on. */
  rotateFunctionSecret: Call<{ id: string; body: { overlap_seconds?: number } }, RotatedSecret>;

  /** List jobs, newest first. At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). */
  listJobs: List<
    {
      name?: string;
      status?: "active" | "paused" | "completed";
      enabled?: boolean;
      project?: string;
      function_id?: string;
      limit?: number;
      cursor?: string;
    },
    Job
  >;

  /** Create a job. Sent again with the same `Idempotency-Key` and the same body, it answers with the job that the first call made and the header `Idempotency-Replayed: true`. */
  createJob: Call<{ body: CreateJob; idempotencyKey?: string }, Job>;

  /** Create many jobs. As JSON up to 10000 jobs in up to 16 MiB: all of them are made or, if one is refused, none; the paths in `details` begin with its place, as in `jobs.3.schedule`. `Idempotency-Key` works as for a single job. As lines (`application/x-ndjson`, one job a line, up to 50000 lines of up to 1 MiB) each job that can be made is made, by the thousand, and the answer (207) says which lines were refused and why. To send lines again is safe: names are unique, so that a job that is there already is refused with `JOB_NAME_TAKEN`. */
  createJobs: Call<{ body: { jobs: CreateJob[] }; idempotencyKey?: string }, CreatedJobs>;

  /** Get a job */
  getJob: Call<{ id: string }, Job>;

  /** Change a job. What is absent stays as it is. A new schedule takes effect now and gives a new `next_run`. */
  patchJob: Call<
    {
      id: string;
      body: {
        function_id?: string;
        name?: string;
        description?: string;
        project?: string | null;
        schedule?: Schedule;
        timezone?: string;
        dst?: { gap: "shift" | "next" | "skip"; fold: "first" | "last" | "both" } | null;
        payload?: unknown;
        priority?: "critical" | "high" | "medium" | "low" | "background";
        pool?: string;
        max_runs?: number;
        timeout_ms?: number | null;
        check_timeout_ms?: number | null;
        perform_timeout_ms?: number | null;
        misfire?: {
          policy?: "skip" | "run_once" | "run_all";
          grace_ms?: number;
          max_runs?: number;
          max_age_ms?: number;
        };
        overlap?: {
          policy?: "skip" | "queue" | "cancel_running" | "allow";
          max_instances?: number;
          max_queued?: number;
        };
        auto_pause_after?: number;
        retry?: { attempts?: number; backoff_ms?: number; max_backoff_ms?: number; jitter?: number };
        delivery?: "at_least_once" | "at_most_once";
        enabled?: boolean;
      };
    },
    Job
  >;

  /** Delete a job. Softly: the job is disabled, its name and its executions stay, and a patch with `enabled: true` brings it back. */
  deleteJob: Call<{ id: string }, Job>;

  /** Run a job now. Makes one execution besides the schedule and answers with it, before it has started. Sent again with the same `Idempotency-Key`, it answers with the execution that the first call made and the header `Idempotency-Replayed: true`. */
  runJob: Call<{ id: string; idempotencyKey?: string }, Execution>;

  /** Pause a job. Nothing of it starts after this has answered: what was pending is skipped, what runs goes on to its end. */
  pauseJob: Call<{ id: string }, Job>;

  /** Resume a job. It goes on with the first occurrence after now. */
  resumeJob: Call<{ id: string }, Job>;

  /** List a job's executions, newest occurrence first. At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). */
  listJobExecutions: List<
    {
      id: string;
      status?: "pending" | "running" | "success" | "failed" | "cancelled" | "skipped";
      trigger?: "schedule" | "manual";
      from?: string;
      to?: string;
      limit?: number;
      cursor?: string;
    },
    Execution
  >;

  /** List what was planned of a job, and why it ran or did not run. Every planned instant from `from` (included, 24 hours ago unless told otherwise) to `to` (excluded, in 24 hours), 366 days at most, oldest first, with what became of it; those still to come are `planned`. At most `limit` at once, 100 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). */
  listOccurrences: List<{ id: string; from?: string; to?: string; limit?: number; cursor?: string }, Occurrence>;

  /** List a job's next occurrences. Empty for a job that is not active, fewer than `count` when the schedule or `max_runs` ends. */
  listNextRuns: Call<{ id: string; count?: number }, string[]>;

  /** Say what a schedule means. In a sentence, and with its occurrences from `from` (now unless given) up to `to`, `count` of them at most (10 unless given): each as a UTC instant and as the local time, with notes where a change of clocks, an exclusion or jitter plays a part. Nothing is stored. What a job would be refused for is refused in the same words. With `down`, it also says what a job with the policy `misfire` does when its scheduler is back after an outage. */
  previewSchedule: Call<
    {
      body: {
        schedule: Schedule;
        timezone?: string;
        dst?: { gap: "shift" | "next" | "skip"; fold: "first" | "last" | "both" };
        from?: string;
        to?: string;
        count?: number;
        job_id?: string;
        down?: { from: string; to: string };
        misfire?: {
          policy?: "skip" | "run_once" | "run_all";
          grace_ms?: number;
          max_runs?: number;
          max_age_ms?: number;
        };
      };
    },
    SchedulePreview
  >;

  /** List calendars, newest first, without their dates. At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). */
  listCalendars: List<{ limit?: number; cursor?: string }, CalendarSummary>;

  /** Create a calendar. A named set of dates, such as holidays, that schedules exclude or are limited to: `{"calendars": {"exclude": ["holidays"]}}`. */
  createCalendar: Call<{ body: { name: string; description?: string; dates: string[] } }, Calendar>;

  /** Get a calendar */
  getCalendar: Call<{ id: string }, Calendar>;

  /** Change a calendar. What is absent stays as it is. Jobs that refer to it are planned anew when its dates change; what comes due before a job's turn is of the dates of before. The name cannot change while a job refers to it. */
  patchCalendar: Call<{ id: string; body: { name?: string; description?: string; dates?: string[] } }, ChangedCalendar>;

  /** Delete a calendar. Refused while a job that is not deleted refers to it. */
  deleteCalendar: Call<{ id: string }, Calendar>;

  /** Import an iCalendar file. The body is a file of type `text/calendar` of at most 1 MiB. Each event adds the dates that it covers in its own time zone; one that recurs, those of the next ten years. Events that are cancelled are left out. With `replace=true` the calendar has no other dates from here on. */
  importCalendar: Call<{ id: string; replace?: boolean; timezone?: string; body: string }, ImportedCalendar>;

  /** List executions, newest first. At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`). */
  listExecutions: List<
    {
      job_id?: string;
      status?: "pending" | "running" | "success" | "failed" | "cancelled" | "skipped";
      trigger?: "schedule" | "manual";
      from?: string;
      to?: string;
      limit?: number;
      cursor?: string;
    },
    Execution
  >;

  /** Get an execution with its earlier attempts, and why it has not started */
  getExecution: Call<{ id: string }, ExecutionWithAttempts>;

  /** Cancel an execution. One that waits is cancelled at once (200). One that runs is asked to stop (202): it ends as `cancelled` as soon as its worker has stopped it, unless it ends by itself before. */
  cancelExecution: Call<{ id: string }, Execution>;

  /** Get the account that the key belongs to. With what its functions may do at most, all together. */
  getAccount: Call<object, Account>;

  /** Change what an account may do at most. `max_concurrency` attempts of all its functions run at once, and `rate_limit.starts` begin in any `rate_limit.per_seconds` seconds; null is no limit. What is absent stays as it is. What runs goes on. Needs an admin's key. */
  patchAccount: Call<
    {
      id: string;
      body: { max_concurrency?: number | null; rate_limit?: { starts: number; per_seconds: number } | null };
    },
    Account
  >;

  /** Check the ledger of the whole cluster. Recomputes from the change history of every job of every account what was planned, and compares it with the ledger: holes, duplicates, what is stuck, counts that are off, and the terms of `due = success + failed + cancelled + skipped + running + pending`. Reads the whole ledger, which takes its time. Needs an admin's key. */
  auditLedger: Call<object, LedgerAudit>;

  /** List what the cluster does for itself. The cluster's own recurring duties, by name: when each was last done, what came of it, and whether it is late. Needs an admin's key. */
  listDuties: Call<object, Duty[]>;

  /** Whether the process runs */
  livez: Call<object, { ok: true }>;

  /** Whether requests may be sent here */
  readyz: Call<object, { ok: true }>;
}

/** Method, path, and what is special about it. */
export const OPERATIONS = {
  listFunctions: ["GET", "/automation/functions", { isPaged: true }],
  createFunction: ["POST", "/automation/functions", {}],
  getFunction: ["GET", "/automation/functions/{id}", {}],
  patchFunction: ["PATCH", "/automation/functions/{id}", {}],
  deleteFunction: ["DELETE", "/automation/functions/{id}", {}],
  listFunctionVersions: ["GET", "/automation/functions/{id}/versions", { isPaged: true }],
  getFunctionVersion: ["GET", "/automation/functions/{id}/versions/{version}", {}],
  rollbackFunction: ["POST", "/automation/functions/{id}/rollback", {}],
  testFunction: ["POST", "/automation/functions/{id}/test", {}],
  getSandboxTypes: ["GET", "/automation/sandbox/types", {}],
  resetBreaker: ["POST", "/automation/functions/{id}/reset-breaker", {}],
  getRegistry: ["GET", "/automation/registry", {}],
  rotateFunctionSecret: ["POST", "/automation/functions/{id}/rotate-secret", {}],
  listJobs: ["GET", "/automation/jobs", { isPaged: true }],
  createJob: ["POST", "/automation/jobs", { takesKey: true }],
  createJobs: ["POST", "/automation/jobs:bulk", { takesKey: true }],
  getJob: ["GET", "/automation/jobs/{id}", {}],
  patchJob: ["PATCH", "/automation/jobs/{id}", {}],
  deleteJob: ["DELETE", "/automation/jobs/{id}", {}],
  runJob: ["POST", "/automation/jobs/{id}/run", { takesKey: true }],
  pauseJob: ["POST", "/automation/jobs/{id}/pause", {}],
  resumeJob: ["POST", "/automation/jobs/{id}/resume", {}],
  listJobExecutions: ["GET", "/automation/jobs/{id}/executions", { isPaged: true }],
  listOccurrences: ["GET", "/automation/jobs/{id}/occurrences", { isPaged: true }],
  listNextRuns: ["GET", "/automation/jobs/{id}/next-runs", {}],
  previewSchedule: ["POST", "/automation/schedules/preview", {}],
  listCalendars: ["GET", "/automation/calendars", { isPaged: true }],
  createCalendar: ["POST", "/automation/calendars", {}],
  getCalendar: ["GET", "/automation/calendars/{id}", {}],
  patchCalendar: ["PATCH", "/automation/calendars/{id}", {}],
  deleteCalendar: ["DELETE", "/automation/calendars/{id}", {}],
  importCalendar: ["POST", "/automation/calendars/{id}/import", { bodyType: "text/calendar" }],
  listExecutions: ["GET", "/automation/executions", { isPaged: true }],
  getExecution: ["GET", "/automation/executions/{id}", {}],
  cancelExecution: ["POST", "/automation/executions/{id}/cancel", {}],
  getAccount: ["GET", "/automation/account", {}],
  patchAccount: ["PATCH", "/automation/accounts/{id}", {}],
  auditLedger: ["GET", "/automation/ledger/audit", {}],
  listDuties: ["GET", "/automation/system/duties", {}],
  livez: ["GET", "/livez", {}],
  readyz: ["GET", "/readyz", {}],
} as const;
