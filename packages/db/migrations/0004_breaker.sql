ALTER TABLE "functions" ADD COLUMN "breaker_failures" integer DEFAULT 5 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_open_seconds" integer DEFAULT 10 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_state" text DEFAULT 'closed' NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_failed" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_opened" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_opened_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_retry_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_probe" uuid;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "breaker_probe_attempt" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_breaker" CHECK ("functions"."breaker_state" in ('closed', 'open', 'half_open'));--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_breaker_probe" CHECK (("functions"."breaker_state" = 'half_open') = ("functions"."breaker_probe" is not null));