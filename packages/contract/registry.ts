import { z } from "zod";
import { instant } from "./text.ts";

/** A module that a worker offers, `since` when. */
export const offer = z.object({ name: z.string(), description: z.string(), enabled: z.boolean(), since: instant });
export type Offer = z.infer<typeof offer>;

/** A file in a worker's folder of functions that cannot be used, or not any more. */
export const fileProblem = z.object({ file: z.string(), message: z.string() });
export type FileProblem = z.infer<typeof fileProblem>;

/** `GET /automation/registry`: which living worker offers which module, and what keeps others from being offered. */
export const registry = z.object({
  functions: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      enabled: z.boolean(),
      /** Empty if no living worker has it. */
      workers: z.array(z.object({ id: z.string(), pool: z.string(), since: instant })),
      /** Why it is not offered, or why an older version of it is. */
      problem: z.string().optional(),
    }),
  ),
  problems: z.array(fileProblem.extend({ workers: z.array(z.string()) })),
});
export type Registry = z.infer<typeof registry>;
