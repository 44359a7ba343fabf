CREATE TABLE "callbacks" (
	"execution_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"phase" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"accepted_at" timestamp (3) with time zone,
	"heartbeat_at" timestamp (3) with time zone,
	"answered_at" timestamp (3) with time zone,
	"answer" text,
	"closed_at" timestamp (3) with time zone,
	CONSTRAINT "callbacks_pkey" PRIMARY KEY("execution_id","attempt","phase"),
	CONSTRAINT "callbacks_phase" CHECK ("callbacks"."phase" in ('check', 'perform')),
	CONSTRAINT "callbacks_answer" CHECK (("callbacks"."answered_at" is null) = ("callbacks"."answer" is null)),
	CONSTRAINT "callbacks_end" CHECK ("callbacks"."answered_at" is null or "callbacks"."closed_at" is null)
);
--> statement-breakpoint
CREATE TABLE "cluster_secrets" (
	"name" text PRIMARY KEY NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "function_secrets" (
	"function_id" uuid NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	CONSTRAINT "function_secrets_function_id_secret_pk" PRIMARY KEY("function_id","secret")
);
--> statement-breakpoint
CREATE TABLE "function_tests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"function_id" uuid NOT NULL,
	"pool" text NOT NULL,
	"request" json NOT NULL,
	"worker" text,
	"answer" json,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "function_versions" (
	"function_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"source" text NOT NULL,
	"language" text NOT NULL,
	"code" text NOT NULL,
	"has_check" boolean NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "function_versions_pkey" PRIMARY KEY("function_id","version"),
	CONSTRAINT "function_versions_language" CHECK ("function_versions"."language" in ('javascript', 'typescript'))
);
--> statement-breakpoint
CREATE TABLE "gate_holds" (
	"gate_id" uuid NOT NULL,
	"execution_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	CONSTRAINT "gate_holds_key" PRIMARY KEY("execution_id","attempt","gate_id")
);
--> statement-breakpoint
CREATE TABLE "gate_starts" (
	"gate_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "gates" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	CONSTRAINT "gates_kind" CHECK ("gates"."kind" in ('function', 'account'))
);
--> statement-breakpoint
ALTER TABLE "functions" DROP CONSTRAINT "functions_kind";--> statement-breakpoint
ALTER TABLE "functions" DROP CONSTRAINT "functions_target";--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "max_concurrency" integer;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "rate_limit" json;--> statement-breakpoint
ALTER TABLE "attempts" ADD COLUMN "rollback_phase" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "function_version" integer;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "gate" uuid;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "rollback_phase" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "progress" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "module_file" text;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "input_schema" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "version" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "hosts" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "limits" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_failures" integer DEFAULT 5 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_open_seconds" integer DEFAULT 10 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_state" text DEFAULT 'closed' NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_failed" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_opened" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_opened_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_retry_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_closed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_probe" uuid;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_probe_attempt" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "max_concurrency" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "rate_limit" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "connect_timeout_ms" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "headers_timeout_ms" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "body_timeout_ms" integer;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "offers" json DEFAULT '[]'::json NOT NULL;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "problems" json DEFAULT '[]'::json NOT NULL;--> statement-breakpoint
ALTER TABLE "function_secrets" ADD CONSTRAINT "function_secrets_function_id_functions_id_fk" FOREIGN KEY ("function_id") REFERENCES "public"."functions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "function_versions" ADD CONSTRAINT "function_versions_function_id_functions_id_fk" FOREIGN KEY ("function_id") REFERENCES "public"."functions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "callbacks_oldest" ON "callbacks" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "function_tests_waiting" ON "function_tests" USING btree ("pool","id") WHERE worker is null;--> statement-breakpoint
CREATE INDEX "gate_holds_gate" ON "gate_holds" USING btree ("gate_id");--> statement-breakpoint
CREATE INDEX "gate_starts_latest" ON "gate_starts" USING btree ("gate_id","at");--> statement-breakpoint
CREATE INDEX "executions_at_gate" ON "executions" USING btree ("gate","publish_at","id") WHERE status = 'pending' and gate is not null;--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_breaker" CHECK ("functions"."breaker_state" in ('closed', 'open', 'half_open'));--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_breaker_probe" CHECK (("functions"."breaker_state" = 'half_open') = ("functions"."breaker_probe" is not null));--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_kind" CHECK ("functions"."kind" in ('http', 'module', 'sandbox'));--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_target" CHECK (case "functions"."kind" when 'http' then "functions"."url" is not null when 'module' then "functions"."module" is not null
        else "functions"."version" is not null and "functions"."hosts" is not null and "functions"."limits" is not null end);