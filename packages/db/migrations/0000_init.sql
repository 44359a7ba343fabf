CREATE TABLE "accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_hash" UNIQUE("hash"),
	CONSTRAINT "api_keys_role" CHECK ("api_keys"."role" in ('member', 'admin'))
);
--> statement-breakpoint
CREATE TABLE "attempts" (
	"execution_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"outcome" text NOT NULL,
	"worker" text NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone NOT NULL,
	"error" json NOT NULL,
	"check_phase" json,
	"perform_phase" json,
	CONSTRAINT "attempts_pkey" PRIMARY KEY("execution_id","attempt"),
	CONSTRAINT "attempts_outcome" CHECK ("attempts"."outcome" in ('failed', 'lost'))
);
--> statement-breakpoint
CREATE TABLE "executions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"job_id" uuid NOT NULL,
	"function_id" uuid NOT NULL,
	"trigger" text NOT NULL,
	"scheduled_for" timestamp (3) with time zone NOT NULL,
	"occurrences" integer DEFAULT 1 NOT NULL,
	"scheduled_until" timestamp (3) with time zone NOT NULL,
	"status" text NOT NULL,
	"skip_reason" text,
	"attempt" integer DEFAULT 1 NOT NULL,
	"available_at" timestamp (3) with time zone DEFAULT date_trunc('milliseconds', now()) NOT NULL,
	"held" boolean DEFAULT false NOT NULL,
	"publish_at" timestamp (3) with time zone DEFAULT date_trunc('milliseconds', now()) NOT NULL,
	"dispatch" integer DEFAULT 0 NOT NULL,
	"worker" text,
	"cancel_requested_at" timestamp (3) with time zone,
	"idempotency_key" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"duration_ms" double precision,
	"error" json,
	"check_phase" json,
	"perform_phase" json,
	CONSTRAINT "executions_trigger" CHECK ("executions"."trigger" in ('schedule', 'manual')),
	CONSTRAINT "executions_status" CHECK ("executions"."status" in ('pending', 'running', 'success', 'failed', 'cancelled', 'skipped')),
	CONSTRAINT "executions_held" CHECK (not "executions"."held" or "executions"."status" = 'pending'),
	CONSTRAINT "executions_range" CHECK ("executions"."occurrences" = 1 or "executions"."skip_reason" = 'misfire'),
	CONSTRAINT "executions_skip_reason" CHECK (("executions"."status" = 'skipped') = ("executions"."skip_reason" is not null)),
	CONSTRAINT "executions_completed" CHECK (("executions"."status" in ('pending', 'running')) = ("executions"."completed_at" is null))
);
--> statement-breakpoint
CREATE TABLE "functions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"kind" text NOT NULL,
	"url" text,
	"headers" json,
	"module" text,
	"has_check" boolean DEFAULT true NOT NULL,
	"timeout_ms" integer,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "functions_kind" CHECK ("functions"."kind" in ('http', 'module')),
	CONSTRAINT "functions_target" CHECK (case "functions"."kind" when 'http' then "functions"."url" is not null else "functions"."module" is not null end)
);
--> statement-breakpoint
CREATE TABLE "job_changes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "job_changes_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"job_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"kind" text NOT NULL,
	"planned" boolean NOT NULL,
	"first" timestamp (3) with time zone,
	"schedule_spec" json NOT NULL,
	"rules_version" integer NOT NULL,
	"served_up_to" timestamp (3) with time zone,
	CONSTRAINT "job_changes_kind" CHECK ("job_changes"."kind" in ('created', 'edited', 'paused', 'resumed', 'disabled', 'deleted', 'revived', 'parked', 'exhausted', 'continued', 'completed')),
	CONSTRAINT "job_changes_first" CHECK ("job_changes"."planned" = ("job_changes"."first" is not null))
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"function_id" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"project" text,
	"schedule" json NOT NULL,
	"schedule_spec" json NOT NULL,
	"rules_version" integer NOT NULL,
	"timezone" text NOT NULL,
	"payload" json NOT NULL,
	"priority" text NOT NULL,
	"pool" text NOT NULL,
	"max_runs" integer NOT NULL,
	"run_count" integer DEFAULT 0 NOT NULL,
	"timeout_ms" integer,
	"check_timeout_ms" integer,
	"perform_timeout_ms" integer,
	"misfire" json NOT NULL,
	"overlap" json NOT NULL,
	"auto_pause_after" integer NOT NULL,
	"retry" json NOT NULL,
	"delivery" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"enabled" boolean NOT NULL,
	"paused_reason" text,
	"planned_from" timestamp (3) with time zone NOT NULL,
	"next_run" timestamp (3) with time zone,
	"idempotency_key" text,
	"idempotency_fingerprint" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "jobs_status" CHECK ("jobs"."status" in ('active', 'paused', 'completed')),
	CONSTRAINT "jobs_priority" CHECK ("jobs"."priority" in ('critical', 'high', 'medium', 'low', 'background')),
	CONSTRAINT "jobs_delivery" CHECK ("jobs"."delivery" in ('at_least_once', 'at_most_once')),
	CONSTRAINT "jobs_max_runs" CHECK ("jobs"."run_count" >= 0 and ("jobs"."max_runs" = 0 or "jobs"."run_count" <= "jobs"."max_runs")),
	CONSTRAINT "jobs_next_run" CHECK ("jobs"."next_run" is null or ("jobs"."status" = 'active' and "jobs"."enabled"))
);
--> statement-breakpoint
CREATE TABLE "unjudged_failures" (
	"execution_id" uuid PRIMARY KEY NOT NULL,
	"job_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workers" (
	"id" text PRIMARY KEY NOT NULL,
	"pool" text NOT NULL,
	"host" text NOT NULL,
	"pid" integer NOT NULL,
	"concurrency" integer NOT NULL,
	"modules" text[] NOT NULL,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"stopped_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_function_id_functions_id_fk" FOREIGN KEY ("function_id") REFERENCES "public"."functions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "executions_occurrence" ON "executions" USING btree ("job_id","scheduled_for","trigger");--> statement-breakpoint
CREATE UNIQUE INDEX "executions_idempotency_key" ON "executions" USING btree ("job_id","idempotency_key") WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX "executions_newest" ON "executions" USING btree ("account_id","id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "executions_failed" ON "executions" USING btree ("account_id","id" DESC NULLS LAST) WHERE status = 'failed';--> statement-breakpoint
CREATE INDEX "executions_to_publish" ON "executions" USING btree ("publish_at") WHERE status = 'pending' and not held;--> statement-breakpoint
CREATE INDEX "executions_waiting" ON "executions" USING btree ("job_id") WHERE status = 'pending' and held;--> statement-breakpoint
CREATE INDEX "executions_open" ON "executions" USING btree ("job_id","available_at") WHERE status in ('pending', 'running');--> statement-breakpoint
CREATE INDEX "executions_running" ON "executions" USING btree ("worker") WHERE status = 'running';--> statement-breakpoint
CREATE UNIQUE INDEX "functions_name" ON "functions" USING btree ("account_id","name") WHERE deleted_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "functions_shared_name" ON "functions" USING btree ("name") WHERE account_id is null;--> statement-breakpoint
CREATE INDEX "functions_newest" ON "functions" USING btree ("account_id","id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "job_changes_of_job" ON "job_changes" USING btree ("job_id","seq");--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_name" ON "jobs" USING btree ("account_id",coalesce(project, ''),"name");--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_idempotency_key" ON "jobs" USING btree ("account_id","idempotency_key") WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX "jobs_due" ON "jobs" USING btree ("next_run") WHERE next_run is not null;--> statement-breakpoint
CREATE INDEX "jobs_settling" ON "jobs" USING btree ("id") WHERE status = 'active' and enabled and next_run is null;--> statement-breakpoint
CREATE INDEX "jobs_newest" ON "jobs" USING btree ("account_id","id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "jobs_function" ON "jobs" USING btree ("function_id");--> statement-breakpoint
CREATE INDEX "workers_living" ON "workers" USING btree ("last_seen_at") WHERE stopped_at is null;