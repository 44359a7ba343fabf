import { patchCalendarBody } from "@belfry/contract/calendar.ts";
import { patchCalendar } from "@belfry/db/calendars.ts";
import { changedCalendarAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { presentCalendarChange } from "../../present-calendar.ts";

export const patchCalendarRoute: Route = (app, { db }) =>
  app.route({
    method: "PATCH",
    url: "/automation/calendars/:id",
    schema: {
      operationId: "patchCalendar",
      summary: "Change a calendar",
      description:
        "What is absent stays as it is. Jobs that refer to it are planned anew when its dates change; what comes due " +
        "before a job's turn is of the dates of before. The name cannot change while a job refers to it.",
      tags: ["calendars"],
      params: idOf("calendar"),
      body: patchCalendarBody,
      response: {
        200: changedCalendarAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "NOT_FOUND",
          "CALENDAR_NAME_TAKEN",
          "CALENDAR_IN_USE",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request) {
      const account = accountOf(request);
      const change = found("calendar", await patchCalendar(db, account, request.params.id, request.body));
      const { calendar, jobsToReplan } = change;
      request.log.info(
        { calendar_id: calendar.id, account_id: account, fields: Object.keys(request.body), jobs: jobsToReplan },
        "calendar updated",
      );
      return presentCalendarChange(change);
    },
  });
