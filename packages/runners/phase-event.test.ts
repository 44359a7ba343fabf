import type { JsonObject } from "@belfry/contract/json.ts";
import { expect, it } from "vitest";
import { checkEvent, performEvent, type Run } from "./phase-event.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "execution-1",
  attempt: 2,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "schedule",
  payload: { city: "Bern" },
};
const belfry = {
  execution_id: "execution-1",
  attempt: 2,
  scheduled_for: "2026-11-20T09:00:00.000Z",
  trigger: "schedule",
  payload: { city: "Bern" },
};

it("tells a check which job it is for, and the rest under one key", () => {
  expect(checkEvent(run)).toEqual({ automation_job: "job-1", phase: "check", belfry });
});

it("lays what the check answered beside these keys", () => {
  expect(performEvent(run, { rows: 3 })).toEqual({ automation_job: "job-1", phase: "perform", rows: 3, belfry });
});

it("keeps its own keys, whatever the check answered", () => {
  const event = performEvent(run, { automation_job: "mine", phase: "check", belfry: null, rows: 3 });

  expect(event).toEqual({ automation_job: "job-1", phase: "perform", rows: 3, belfry });
});

it("carries a key named __proto__ as data", () => {
  const event = performEvent(run, JSON.parse('{"__proto__":{"phase":"check","admin":true}}') as JsonObject);

  expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
  expect(event.admin).toBeUndefined();
  expect(JSON.stringify(event)).toContain('"__proto__":{"phase":"check","admin":true}');
});
