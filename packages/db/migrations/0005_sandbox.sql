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
ALTER TABLE "functions" DROP CONSTRAINT "functions_kind";--> statement-breakpoint
ALTER TABLE "functions" DROP CONSTRAINT "functions_target";--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "function_version" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "version" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "hosts" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "limits" json;--> statement-breakpoint
ALTER TABLE "function_versions" ADD CONSTRAINT "function_versions_function_id_functions_id_fk" FOREIGN KEY ("function_id") REFERENCES "public"."functions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "function_tests_waiting" ON "function_tests" USING btree ("pool","id") WHERE worker is null;--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_kind" CHECK ("functions"."kind" in ('http', 'module', 'sandbox'));--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_target" CHECK (case "functions"."kind" when 'http' then "functions"."url" is not null when 'module' then "functions"."module" is not null
        else "functions"."version" is not null and "functions"."hosts" is not null and "functions"."limits" is not null end);