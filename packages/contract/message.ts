import { z } from "zod";

/** All that travels through the queue. It is untrusted: a worker loads the rest from Postgres. */
export const executionMessage = z.strictObject({ executionId: z.uuid(), attempt: z.int().min(1).max(2_147_483_647) });
export type ExecutionMessage = z.infer<typeof executionMessage>;

/** What the cluster tells itself on the system queue: one of its own recurring duties is due. As untrusted. */
export const dutyMessage = z.strictObject({ duty: z.string().min(1).max(63) });
export type DutyMessage = z.infer<typeof dutyMessage>;
