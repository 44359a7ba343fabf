import { stopFailure } from "./deadline.ts";
import { describeThrown } from "./describe-thrown.ts";
import { PhaseFailure } from "./phase-failure.ts";
import type { PhaseTarget } from "./run-phase.ts";
import { abortSignalOf, type StopSignal } from "./stop-signal.ts";

/** For so long an uploaded function waits for its turn, in milliseconds. */
const PLACE_WAIT_MS = 60_000;

/** A target that can be called at once, for one phase. `leave` has to be called when that is over. */
export type Placed = { target: PhaseTarget; leave: () => void };

/**
 * Waits until there is a place for a call: uploaded functions wait for one of the sandbox's processes, others need none.
 * @throws PhaseFailure as `signal` says, or FUNCTION_CRASHED when there is no place for a minute.
 */
export async function takePlace(target: PhaseTarget, signal: StopSignal): Promise<Placed> {
  if (target.kind !== "sandbox") return { target, leave: () => undefined };
  const { pool, accountId } = target;
  try {
    const enough = AbortSignal.any([abortSignalOf(signal), AbortSignal.timeout(PLACE_WAIT_MS)]);
    const place = await pool.enter(accountId, enough);
    return { target: { ...target, place }, leave: place.leave };
  } catch (thrown) {
    if (signal.aborted) throw stopFailure(signal.reason);
    const message = `found no place in the sandbox: ${describeThrown(thrown)}`;
    throw new PhaseFailure("FUNCTION_CRASHED", message, { retryable: true });
  }
}
