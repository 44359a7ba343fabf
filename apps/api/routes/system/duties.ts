import { type DutyRecord, readDuties } from "@belfry/db/duties.ts";
import { z } from "zod";
import { type DutyAnswer, dutyAnswer, errorAnswers } from "../../answers.ts";
import type { Route } from "../../app.ts";

export const listDutiesRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/system/duties",
    config: { access: "admin" },
    schema: {
      operationId: "listDuties",
      summary: "List what the cluster does for itself",
      description:
        "The cluster's own recurring duties, by name: when each was last done, what came of it, and whether it is late. Needs an admin's key.",
      tags: ["system"],
      response: { 200: z.array(dutyAnswer), ...errorAnswers("FORBIDDEN") },
    },
    handler: async () => (await readDuties(db)).map(presentDuty),
  });

function presentDuty({ name, everyMs, startedAt, doneAt, result, error, running, late }: DutyRecord): DutyAnswer {
  return {
    name,
    every_ms: everyMs,
    started_at: startedAt?.toISOString() ?? null,
    done_at: doneAt?.toISOString() ?? null,
    result,
    error,
    running,
    late,
  };
}
