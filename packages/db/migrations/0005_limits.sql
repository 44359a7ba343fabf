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
ALTER TABLE "accounts" ADD COLUMN "max_concurrency" integer;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "rate_limit" json;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "gate" uuid;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "max_concurrency" integer;--> statement-breakpoint
ALTER TABLE "functions" ADD COLUMN "rate_limit" json;--> statement-breakpoint
CREATE INDEX "gate_holds_gate" ON "gate_holds" USING btree ("gate_id");--> statement-breakpoint
CREATE INDEX "gate_starts_latest" ON "gate_starts" USING btree ("gate_id","at");--> statement-breakpoint
CREATE INDEX "executions_at_gate" ON "executions" USING btree ("gate","publish_at","id") WHERE status = 'pending' and gate is not null;