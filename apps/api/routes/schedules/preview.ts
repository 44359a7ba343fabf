import { schedulePreviewBody } from "@belfry/contract/schedule-preview.ts";
import { databaseNow } from "@belfry/db/client.ts";
import { calendarsOf, readSchedule, refusingSchedules } from "@belfry/db/read-schedule.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { answerPreview, previewFrom, previewOptions } from "@belfry/schedule/answer-preview.ts";
import { errorAnswers, schedulePreviewAnswer } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";

/** For each part of the answer. Of processor time: a busy machine takes longer, and answers the same. */
const BUDGET_MS = 50;

export const previewScheduleRoute: Route = (app, { db }) =>
  app.route({
    method: "POST",
    url: "/automation/schedules/preview",
    schema: {
      operationId: "previewSchedule",
      summary: "Say what a schedule means",
      description:
        "In a sentence, and with its occurrences from `from` (now unless given) up to `to`, `count` of them at most (10 unless given): each as a UTC instant and as the local time, with notes where a change of clocks, an exclusion or jitter plays a part. " +
        "Nothing is stored. What a job would be refused for is refused in the same words. " +
        "With `down`, it also says what a job with the policy `misfire` does when its scheduler is back after an outage.",
      tags: ["schedules"],
      body: schedulePreviewBody,
      response: {
        200: schedulePreviewAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
          "SCHEDULE_INVALID",
        ),
      },
    },
    async handler({ identity, body }) {
      const account = accountOf({ identity });
      return refusingSchedules(async () => {
        const { spec, from } = await inTransaction(db, async (tx) => {
          const from = previewFrom(body, await databaseNow(tx));
          const { spec } = await readSchedule(calendarsOf(tx, account), body.schedule, previewOptions(body, from));
          return { spec, from };
        });
        return answerPreview(spec, body, { from, budget: () => forProcessorTime(BUDGET_MS) });
      });
    },
  });

/** True until this thread has worked for so long. */
function forProcessorTime(ms: number): () => boolean {
  const begin = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(begin);
    return user + system < ms * 1_000;
  };
}
