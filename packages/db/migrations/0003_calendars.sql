CREATE TABLE "calendars" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"dates" date[] NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "job_replans" (
	"job_id" uuid PRIMARY KEY NOT NULL,
	"turn" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "dst" json;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "calendars" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "calendars" ADD CONSTRAINT "calendars_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "calendars_name" ON "calendars" USING btree ("account_id","name");--> statement-breakpoint
CREATE INDEX "calendars_newest" ON "calendars" USING btree ("account_id","id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "job_replans_turn" ON "job_replans" USING btree ("turn");--> statement-breakpoint
CREATE INDEX "jobs_with_calendars" ON "jobs" USING btree ("account_id") WHERE calendars <> '{}';