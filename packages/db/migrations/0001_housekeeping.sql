CREATE TABLE "archived_totals" (
	"job_id" uuid PRIMARY KEY NOT NULL,
	"runs" bigint NOT NULL,
	"success" bigint NOT NULL,
	"failed" bigint NOT NULL,
	"cancelled" bigint NOT NULL,
	"skipped" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "duties" (
	"name" text PRIMARY KEY NOT NULL,
	"every_ms" integer NOT NULL,
	"registered_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"done_at" timestamp (3) with time zone,
	"result" text,
	"error" text
);
--> statement-breakpoint
CREATE TABLE "ledger_floor" (
	"singleton" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"kept_from" timestamp (3) with time zone NOT NULL,
	"detached" text[] DEFAULT '{}' NOT NULL,
	CONSTRAINT "ledger_floor_singleton" CHECK ("ledger_floor"."singleton")
);
--> statement-breakpoint
CREATE INDEX "executions_ranges" ON "executions" USING btree ("scheduled_until") WHERE occurrences > 1;--> statement-breakpoint
ALTER TABLE "executions" ADD CONSTRAINT "executions_id" CHECK (('x' || translate(left("executions"."id"::text, 13), '-', ''))::bit(48)::bigint = greatest(0, extract(epoch from "executions"."scheduled_for") * 1000)::bigint);