-- The ledger and its attempts become partitioned by ranges of the execution's id, which are ranges of time. What is
-- there stays where it is, as the default partition; the partitions of the time to come are made by makePartitions.
ALTER TABLE "executions" RENAME TO "executions_default";--> statement-breakpoint
ALTER TABLE "executions_default" RENAME CONSTRAINT "executions_pkey" TO "executions_default_pkey";--> statement-breakpoint
ALTER INDEX "executions_occurrence" RENAME TO "executions_default_occurrence";--> statement-breakpoint
ALTER INDEX "executions_idempotency_key" RENAME TO "executions_default_idempotency_key";--> statement-breakpoint
ALTER INDEX "executions_newest" RENAME TO "executions_default_newest";--> statement-breakpoint
ALTER INDEX "executions_failed" RENAME TO "executions_default_failed";--> statement-breakpoint
ALTER INDEX "executions_to_publish" RENAME TO "executions_default_to_publish";--> statement-breakpoint
ALTER INDEX "executions_waiting" RENAME TO "executions_default_waiting";--> statement-breakpoint
ALTER INDEX "executions_open" RENAME TO "executions_default_open";--> statement-breakpoint
ALTER INDEX "executions_running" RENAME TO "executions_default_running";--> statement-breakpoint
ALTER INDEX "executions_ranges" RENAME TO "executions_default_ranges";--> statement-breakpoint
CREATE TABLE "executions" (LIKE "executions_default" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("id");--> statement-breakpoint
ALTER TABLE "executions" ATTACH PARTITION "executions_default" DEFAULT;--> statement-breakpoint
-- Each of these finds its like on the partition and takes it. The two unique ones cannot be here: they stay on each partition.
ALTER TABLE "executions" ADD CONSTRAINT "executions_pkey" PRIMARY KEY ("id");--> statement-breakpoint
CREATE INDEX "executions_newest" ON "executions" USING btree ("account_id","id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "executions_failed" ON "executions" USING btree ("account_id","id" DESC NULLS LAST) WHERE status = 'failed';--> statement-breakpoint
CREATE INDEX "executions_to_publish" ON "executions" USING btree ("publish_at") WHERE status = 'pending' and not held;--> statement-breakpoint
CREATE INDEX "executions_waiting" ON "executions" USING btree ("job_id") WHERE status = 'pending' and held;--> statement-breakpoint
CREATE INDEX "executions_open" ON "executions" USING btree ("job_id","available_at") WHERE status in ('pending', 'running');--> statement-breakpoint
CREATE INDEX "executions_running" ON "executions" USING btree ("worker") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "executions_ranges" ON "executions" USING btree ("scheduled_until") WHERE occurrences > 1;--> statement-breakpoint
ALTER TABLE "attempts" RENAME TO "attempts_default";--> statement-breakpoint
ALTER TABLE "attempts_default" RENAME CONSTRAINT "attempts_pkey" TO "attempts_default_pkey";--> statement-breakpoint
CREATE TABLE "attempts" (LIKE "attempts_default" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("execution_id");--> statement-breakpoint
ALTER TABLE "attempts" ATTACH PARTITION "attempts_default" DEFAULT;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_pkey" PRIMARY KEY ("execution_id","attempt");
