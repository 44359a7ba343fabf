import { z } from "zod";
import { limits } from "./limits.ts";
import { instant } from "./text.ts";

/** Body of `PATCH /automation/accounts/{id}`. */
export const patchAccountBody = z
  .strictObject(limits)
  .partial()
  .refine((body) => Object.keys(body).length > 0, "must change at least one field");
export type PatchAccountBody = z.infer<typeof patchAccountBody>;

/** An account as the API answers it. */
export const account = z.object({ id: z.uuid(), name: z.string(), ...limits, created_at: instant });
export type Account = z.infer<typeof account>;
