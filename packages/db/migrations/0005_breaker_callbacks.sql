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
CREATE INDEX "callbacks_oldest" ON "callbacks" USING btree ("created_at");--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_breaker" CHECK ("functions"."breaker_state" in ('closed', 'open', 'half_open'));--> statement-breakpoint
ALTER TABLE "functions" ADD CONSTRAINT "functions_breaker_probe" CHECK (("functions"."breaker_state" = 'half_open') = ("functions"."breaker_probe" is not null));