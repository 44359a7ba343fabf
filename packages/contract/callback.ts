import { z } from "zod";
import type { Json } from "./json.ts";
import { PHASES } from "./states.ts";

const given = z.custom<Json>((value) => value !== undefined);

/** Body of `POST /automation/executions/{id}/complete`: what a function answers that has taken a phase on. */
export const completeBody = z
  .strictObject({
    /** What it would have answered at once. */
    output: given.optional(),
    error: z
      .strictObject({
        message: z.string().min(1).max(4000),
        /** Whether another attempt may end otherwise. */
        retryable: z.boolean().default(true),
      })
      .optional(),
  })
  .refine((body) => (body.output === undefined) !== (body.error === undefined), "must be { output } or { error }");

/** Body of `POST /automation/executions/{id}/heartbeat`, which may also be absent: how far the work is, for people. */
export const heartbeatBody = z
  .strictObject({ percent: z.number().min(0).max(100).optional(), text: z.string().max(1000).optional() })
  .refine((body) => body.text === undefined || body.percent !== undefined, "text needs a percent")
  .nullish();

/** What was taken note of. */
export const callbackReceipt = z.object({
  execution_id: z.uuid(),
  attempt: z.int(),
  phase: z.enum(PHASES),
});
