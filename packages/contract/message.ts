import { z } from "zod";

const dispatchedExecution = z.strictObject({ executionId: z.uuid(), attempt: z.int().min(1).max(2_147_483_647) });
/** An execution as it travels through the queue: a worker loads the rest from Postgres. */
export type DispatchedExecution = z.infer<typeof dispatchedExecution>;

/** Executions that travel together at most. */
export const MAX_BUNDLE = 10;

/** All that travels through a pool's queue, and is untrusted: one execution, or a bundle of them. */
export const executionMessage = z.union([
  dispatchedExecution,
  z.strictObject({ bundle: z.array(dispatchedExecution).min(2).max(MAX_BUNDLE) }),
]);
export type ExecutionMessage = z.infer<typeof executionMessage>;

export const executionsIn = (message: ExecutionMessage): DispatchedExecution[] =>
  "bundle" in message ? message.bundle : [message];

/** What the cluster tells itself on the system queue: one of its own recurring duties is due. As untrusted. */
export const dutyMessage = z.strictObject({ duty: z.string().min(1).max(63) });
export type DutyMessage = z.infer<typeof dutyMessage>;
