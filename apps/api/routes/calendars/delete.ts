import { deleteCalendar } from "@belfry/db/calendars.ts";
import { calendarAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { noBody } from "../../no-body.ts";
import { found, idOf } from "../../not-found.ts";
import { presentCalendar } from "../../present-calendar.ts";

export const deleteCalendarRoute: Route = (app, { db }) =>
  app.route({
    method: "DELETE",
    url: "/automation/calendars/:id",
    preValidation: noBody,
    schema: {
      operationId: "deleteCalendar",
      summary: "Delete a calendar",
      description: "Refused while a job that is not deleted refers to it.",
      tags: ["calendars"],
      params: idOf("calendar"),
      response: { 200: calendarAnswer, ...errorAnswers("NOT_FOUND", "CALENDAR_IN_USE", "VALIDATION_ERROR") },
    },
    async handler(request) {
      const account = accountOf(request);
      const row = found("calendar", await deleteCalendar(db, account, request.params.id));
      request.log.info({ calendar_id: row.id, account_id: account }, "calendar deleted");
      return presentCalendar(row);
    },
  });
