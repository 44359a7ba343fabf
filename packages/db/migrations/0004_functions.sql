CREATE TABLE "function_secrets" (
	"function_id" uuid NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	CONSTRAINT "function_secrets_function_id_secret_pk" PRIMARY KEY("function_id","secret")
);
--> statement-breakpoint
ALTER TABLE "attempts" ADD COLUMN "rollback_phase" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "rollback_phase" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "progress" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "module_file" text;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "input_schema" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "connect_timeout_ms" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "headers_timeout_ms" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "body_timeout_ms" integer;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "offers" json DEFAULT '[]'::json NOT NULL;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "problems" json DEFAULT '[]'::json NOT NULL;--> statement-breakpoint
ALTER TABLE "function_secrets" ADD CONSTRAINT "function_secrets_function_id_functions_id_fk" FOREIGN KEY ("function_id") REFERENCES "public"."functions"("id") ON DELETE no action ON UPDATE no action;