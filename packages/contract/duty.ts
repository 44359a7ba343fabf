import { z } from "zod";
import { instant } from "./text.ts";

/** One of the cluster's own recurring duties. `GET /automation/system/duties`. */
export const duty = z.object({
  name: z.string(),
  every_ms: z.int(),
  /** When it was last begun, and when it last came to a good end. */
  started_at: instant.nullable(),
  done_at: instant.nullable(),
  /** What it then said that it did. */
  result: z.string().nullable(),
  /** Why it failed, if it did the last time. */
  error: z.string().nullable(),
  /** Whether somebody is at it. */
  running: z.boolean(),
  /** Whether it should have been done by now: not done for twice its interval and a minute. */
  late: z.boolean(),
});
export type Duty = z.infer<typeof duty>;
