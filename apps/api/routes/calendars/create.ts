import { createCalendarBody } from "@belfry/contract/calendar.ts";
import { createCalendar } from "@belfry/db/calendars.ts";
import { calendarAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { presentCalendar } from "../../present-calendar.ts";

export const createCalendarRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/calendars",
    schema: {
      operationId: "createCalendar",
      summary: "Create a calendar",
      description:
        "A named set of dates, such as holidays, that schedules exclude or are limited to: " +
        '`{"calendars": {"exclude": ["holidays"]}}`.',
      tags: ["calendars"],
      body: createCalendarBody,
      response: {
        201: calendarAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "CALENDAR_NAME_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request, reply) {
      const account = accountOf(request);
      const row = await createCalendar(db, account, request.body);
      request.log.info({ calendar_id: row.id, account_id: account, dates: row.dates.length }, "calendar created");
      return reply.code(201).header("location", `/automation/calendars/${row.id}`).send(presentCalendar(row));
    },
  });
