import { getCalendar } from "@belfry/db/calendars.ts";
import { calendarAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { presentCalendar } from "../../present-calendar.ts";

export const getCalendarRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/calendars/:id",
    schema: {
      operationId: "getCalendar",
      summary: "Get a calendar",
      tags: ["calendars"],
      params: idOf("calendar"),
      response: { 200: calendarAnswer, ...errorAnswers("NOT_FOUND") },
    },
    async handler(request) {
      return presentCalendar(found("calendar", await getCalendar(db, accountOf(request), request.params.id)));
    },
  });
