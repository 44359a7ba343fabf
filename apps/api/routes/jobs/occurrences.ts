import { ApiError } from "@belfry/contract/errors.ts";
import { type Occurrence, type OccurrenceWindow, readOccurrences } from "@belfry/db/read-occurrences.ts";
import { z } from "zod";
import { errorAnswers, type OccurrenceAnswer, occurrenceAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeWindowCursor, windowCursor } from "../../cursor.ts";
import { instant } from "../../execution-query.ts";
import { explainOccurrence, lateMs } from "../../explain-occurrence.ts";
import { found, idOf } from "../../not-found.ts";
import { page, wholeNumber } from "../../page.ts";

const DAY_MS = 86_400_000;
const MAX_WINDOW_MS = 366 * DAY_MS;

const querystring = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  limit: wholeNumber(1, 1_000).default(100),
  cursor: windowCursor.optional(),
});

export const listOccurrencesRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/jobs/:id/occurrences",
    schema: {
      operationId: "listOccurrences",
      summary: "List what was planned of a job, and why it ran or did not run",
      description:
        "Every planned instant from `from` (included, 24 hours ago unless told otherwise) to `to` (excluded, in 24 hours), 366 days at most, oldest first, with what became of it; those still to come are `planned`. " +
        'At most `limit` at once, 100 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`).',
      tags: ["jobs", "executions"],
      params: idOf("job"),
      querystring,
      response: { 200: z.array(occurrenceAnswer), ...errorAnswers("BAD_REQUEST", "NOT_FOUND") },
    },
    async handler(request, reply) {
      const { limit } = request.query;
      const read = await readOccurrences(db, accountOf(request), request.params.id, (now) => ({
        ...windowOf(request.query, now),
        limit: limit + 1,
      }));
      const { occurrences, window, now } = found("job", read);
      const cursorOf = ({ scheduledFor }: Occurrence) => encodeWindowCursor({ after: scheduledFor, to: window.to });
      return page(request, reply, { rows: occurrences, limit, cursorOf }).map((row) => present(row, now));
    },
  });

/** A page goes on in the window of the first one, however long ago that was asked for. */
function windowOf({ from, to, cursor }: z.infer<typeof querystring>, now: number): Omit<OccurrenceWindow, "limit"> {
  const window = cursor
    ? { from: cursor.after + 1, to: cursor.to }
    : { from: from?.getTime() ?? now - DAY_MS, to: to?.getTime() ?? now + DAY_MS };
  if (window.to - window.from <= MAX_WINDOW_MS) return window;
  const message = "from and to must be 366 days apart at most";
  throw new ApiError("BAD_REQUEST", message, [{ path: "to", message, code: "too_big" }]);
}

function present(occurrence: Occurrence, now: number): OccurrenceAnswer {
  const { scheduledFor, execution } = occurrence;
  return {
    scheduled_for: new Date(scheduledFor).toISOString(),
    status: execution?.status ?? "planned",
    skip_reason: execution?.skipReason ?? null,
    execution_id: execution?.id ?? null,
    late_ms: lateMs(occurrence),
    error: execution?.error ?? null,
    reason: explainOccurrence(occurrence, now),
  };
}
