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
CREATE INDEX "callbacks_oldest" ON "callbacks" USING btree ("created_at");