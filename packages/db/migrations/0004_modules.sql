ALTER TABLE "attempts" ADD COLUMN "rollback_phase" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "rollback_phase" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "progress" json;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "module_file" text;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "input_schema" json;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "offers" json DEFAULT '[]'::json NOT NULL;--> statement-breakpoint
ALTER TABLE "workers" ADD COLUMN "problems" json DEFAULT '[]'::json NOT NULL;