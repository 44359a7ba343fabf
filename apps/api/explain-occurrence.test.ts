import type { OccurrenceExecution } from "@belfry/db/read-occurrences.ts";
import { expect, it } from "vitest";
import { explainOccurrence } from "./explain-occurrence.ts";

const NINE = Date.parse("2026-01-31T09:00:00Z");
const NOW = NINE + 60_000;

const execution = (fields: Partial<OccurrenceExecution>): OccurrenceExecution => ({
  id: "01a1f75d-1111-7111-8111-111111111111",
  scheduledFor: NINE,
  scheduledUntil: NINE,
  occurrences: 1,
  status: "success",
  skipReason: null,
  held: false,
  holdingBack: null,
  attempt: 1,
  availableAt: NINE,
  breakerRetryAt: null,
  startedAt: null,
  error: null,
  ...fields,
});

const failed = { code: "HTTP_STATUS", message: "answered 500" } as const;

it.each<[string, Partial<OccurrenceExecution>]>([
  ["ran on time", { startedAt: NINE + 40 }],
  ["ran late by 3 s", { startedAt: NINE + 3_200 }],
  ["ran late by 1 h 30 min", { startedAt: NINE + 90 * 60_000 }],
  ["ran late by 2 d, at attempt 3", { startedAt: NINE + 2 * 86_400_000 + 5_000, attempt: 3 }],
  ["failed: answered 500", { status: "failed", startedAt: NINE, error: failed }],
  ["failed, at attempt 2: answered 500", { status: "failed", startedAt: NINE, error: failed, attempt: 2 }],
  ["skipped: the check declined", { status: "skipped", skipReason: "check_declined", startedAt: NINE }],
  ["skipped: another execution of this job was open", { status: "skipped", skipReason: "overlap" }],
  [
    "skipped: the job was paused, disabled or deleted before it had started",
    { status: "skipped", skipReason: "paused" },
  ],
  ["skipped: it was too late to run when it was noticed", { status: "skipped", skipReason: "misfire" }],
  [
    "skipped: it was too late to run when it was noticed, one of 180 in a row",
    { status: "skipped", skipReason: "misfire", occurrences: 180 },
  ],
  [
    "cancelled, since a later occurrence took its place",
    {
      status: "cancelled",
      error: { code: "CANCELLED", message: "cancelled, since a later occurrence took its place" },
    },
  ],
  ["is running since 2026-01-31T09:00:05.000Z, started late by 5 s", { status: "running", startedAt: NINE + 5_000 }],
  ["waits for a worker", { status: "pending" }],
  ["waits for a worker, attempt 2", { status: "pending", attempt: 2 }],
  ["waits for attempt 2 until 2026-01-31T09:02:00.000Z", { status: "pending", attempt: 2, availableAt: NOW + 60_000 }],
  [
    "waits: the function's circuit breaker is open until 2026-01-31T09:02:00.000Z",
    { status: "pending", attempt: 2, availableAt: NOW + 61_000, breakerRetryAt: NOW + 60_000 },
  ],
  [
    "waits: the function's circuit breaker is open, and one execution tries whether the function has recovered",
    { status: "pending", availableAt: NOW + 61_000, breakerRetryAt: NOW },
  ],
  ["waits for its turn: another execution of this job is open", { status: "pending", held: true }],
  [
    "waits: the function's limit of 5 at once",
    { status: "pending", holdingBack: { kind: "function", maxConcurrency: 5, rateLimit: null } },
  ],
  [
    "waits: the account's limits of 5 at once and 100 starts in 60 s",
    {
      status: "pending",
      holdingBack: { kind: "account", maxConcurrency: 5, rateLimit: { starts: 100, per_seconds: 60 } },
    },
  ],
])("%s", (sentence, fields) => {
  expect(explainOccurrence({ scheduledFor: NINE, startsAt: NINE, execution: execution(fields) }, NOW)).toBe(sentence);
});

it("tells what is to come from what is late already", () => {
  expect(explainOccurrence({ scheduledFor: NINE, startsAt: NINE, execution: null }, NINE - 1)).toBe(
    "will run at 2026-01-31T09:00:00.000Z",
  );
  expect(explainOccurrence({ scheduledFor: NINE, startsAt: NINE, execution: null }, NINE)).toBe(
    "is due since 2026-01-31T09:00:00.000Z, and waits for a scheduler",
  );
});

it("counts from where the jitter of the schedule has put the start", () => {
  const spread = { scheduledFor: NINE, startsAt: NINE + 20_000 };
  expect(explainOccurrence({ ...spread, execution: null }, NINE - 1)).toBe("will run at 2026-01-31T09:00:20.000Z");
  const started = (startedAt: number) => explainOccurrence({ ...spread, execution: execution({ startedAt }) }, NOW);
  expect([started(NINE + 20_040), started(NINE + 25_000)]).toEqual(["ran on time", "ran late by 5 s"]);
});
