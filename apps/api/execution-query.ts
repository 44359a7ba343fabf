import { executionStatus, trigger } from "@belfry/contract/states.ts";
import { z } from "zod";
import { executionCursor } from "./cursor.ts";
import { limit } from "./page.ts";

/** What Postgres and ISO 8601 both can write with four digits of year. */
const EARLIEST = Date.parse("0001-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

const example = "must be an ISO 8601 instant such as 2026-01-31T09:00:00Z";

/** An instant in a query string. */
export const instant = z.iso.datetime({ offset: true, error: example }).transform((text, ctx) => {
  const ms = Date.parse(text);
  if (ms >= EARLIEST && ms <= LATEST) return new Date(ms);
  ctx.addIssue({ code: "custom", message: example });
  return z.NEVER;
});

/** The query parameters of both lists of executions. `from` (included) and `to` (excluded) are about `scheduled_for`. */
export const executionQuery = {
  status: executionStatus.optional(),
  trigger: trigger.optional(),
  from: instant.optional(),
  to: instant.optional(),
  limit,
  cursor: executionCursor.optional(),
};
