import { z } from "zod";

/** Of calls that a client may have to repeat without knowing whether the first one arrived. */
export const idempotencyHeaders = z.looseObject({
  "idempotency-key": z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, "must be 1 to 255 printable ASCII characters")
    .optional(),
});
