import { listCalendars } from "@belfry/db/calendars.ts";
import { z } from "zod";
import { calendarSummaryAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { encodeIdCursor, idCursor } from "../../cursor.ts";
import { LIST_DESCRIPTION, limit, page } from "../../page.ts";
import { presentCalendarSummary } from "../../present-calendar.ts";

export const listCalendarsRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/calendars",
    schema: {
      operationId: "listCalendars",
      summary: "List calendars, newest first, without their dates",
      description: LIST_DESCRIPTION,
      tags: ["calendars"],
      querystring: z.strictObject({ limit, cursor: idCursor.optional() }),
      response: { 200: z.array(calendarSummaryAnswer), ...errorAnswers("BAD_REQUEST") },
    },
    async handler(request, reply) {
      const { limit, cursor } = request.query;
      const rows = await listCalendars(db, accountOf(request), { limit: limit + 1, ...(cursor && { before: cursor }) });
      return page(request, reply, { rows, limit, cursorOf: encodeIdCursor }).map(presentCalendarSummary);
    },
  });
