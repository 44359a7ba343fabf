import { z } from "zod";

export const SCHEDULE_TYPES = ["cron", "interval", "once"] as const;

/** As clients write it: `"0 9 * * *"`, `"@every 1h30m"`, or `{ "type": "interval", "value": "2h" }`. What it means is decided in packages/schedule. */
export const scheduleInput = z.union([
  z.string().max(1000),
  z.strictObject({ type: z.enum(SCHEDULE_TYPES), value: z.string().max(1000) }),
]);
export type ScheduleInput = z.infer<typeof scheduleInput>;
