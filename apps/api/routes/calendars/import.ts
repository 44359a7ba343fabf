import { getCalendar } from "@belfry/db/calendars.ts";
import { importDates } from "@belfry/db/import-dates.ts";
import { ScheduleError } from "@belfry/schedule/errors.ts";
import { resolveTimeZone } from "@belfry/schedule/zone.ts";
import { z } from "zod";
import { errorAnswers, importedCalendarAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { flag } from "../../page.ts";
import { presentCalendarChange } from "../../present-calendar.ts";
import { readIcal } from "../../read-ical.ts";

const querystring = z.strictObject({
  /** Its dates are those of the file from here on; otherwise they are added. */
  replace: flag.default(false),
  /** The zone whose dates count for events that are written in UTC. */
  timezone: z.string().refine(isTimeZone, "is no known time zone").default("UTC"),
});

export const importCalendarRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/calendars/:id/import",
    config: { bodyTypes: ["text/calendar"] },
    schema: {
      operationId: "importCalendar",
      summary: "Import an iCalendar file",
      description:
        "The body is a file of type `text/calendar` of at most 1 MiB. Each event adds the dates that it covers in its own " +
        "time zone; one that recurs, those of the next ten years. Events that are cancelled are left out. With " +
        "`replace=true` the calendar has no other dates from here on.",
      tags: ["calendars"],
      consumes: ["text/calendar"],
      params: idOf("calendar"),
      querystring,
      body: z.string("must be an iCalendar file"),
      response: {
        200: importedCalendarAnswer,
        ...errorAnswers("BAD_REQUEST", "NOT_FOUND", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "VALIDATION_ERROR"),
      },
    },
    async handler(request) {
      const account = accountOf(request);
      const { replace, timezone } = request.query;
      const { id } = request.params;
      found("calendar", await getCalendar(db, account, id));
      const { dates, events } = await readIcal(request.body, { timezone, now: Date.now() });
      const imported = await importDates(db, account, id, dates, { replace });
      const { added, removed, calendar, jobsToReplan } = found("calendar", imported);
      request.log.info(
        { calendar_id: calendar.id, account_id: account, events, added, removed, jobs: jobsToReplan },
        "calendar imported",
      );
      return {
        ...presentCalendarChange({ calendar, jobsToReplan }),
        events,
        dates_added: added,
        dates_removed: removed,
      };
    },
  });

function isTimeZone(name: string): boolean {
  try {
    return resolveTimeZone(name) !== "";
  } catch (error) {
    if (error instanceof ScheduleError) return false;
    throw error;
  }
}
