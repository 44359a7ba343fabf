import { countFailures, endProbe, type ProbeResult, startProbe } from "@belfry/db/breaker.ts";
import type { Db } from "@belfry/db/client.ts";
import type { ClaimedExecution } from "@belfry/db/executions.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { delayWhileOpen, delayWhileTrying } from "./postpone-delay.ts";
import { untilAnswered } from "./until-answered.ts";

/** What an attempt says of the function: it answers, it fails in a way that a later call may not, or nothing at all. */
export type Sign = "answers" | "fails" | "nothing";

type Called = Pick<ClaimedExecution, "executionId" | "attempt" | "functionId" | "function">;

/** One worker's part in the circuit breakers of the functions that it calls. */
export type Breakers = {
  /** For how many milliseconds a claimed execution is to be put off; null if its function may be called now. */
  delay(claimed: Called): Promise<number | null>;
  /** Notes what an attempt that was called came to. Never throws: without the note the breaker only reacts later. */
  note(claimed: Called, sign: Sign): Promise<void>;
};

/** Signs of one function that wait until the write before has ended: in order, and so that a function that fails often is one write at a time. */
type Gathered = { succeeded: boolean; failures: number };

export function createBreakers(db: Db, log: Logger, lost: AbortSignal): Breakers {
  /** Functions of which this worker is just asking whether one of its executions may try. */
  const asking = new Set<string>();
  /** Executions of this worker that try. */
  const trying = new Set<string>();
  /** Functions of which this worker has counted failures: the claims that came before do not know of them. */
  const suspect = new Set<string>();
  const gathered = new Map<string, Gathered>();
  const writing = new Map<string, Promise<void>>();

  return {
    async delay(claimed) {
      const { breaker } = claimed.function;
      if (breaker === null || breaker.state === "closed" || breaker.retryInMs === null) return null;
      if (breaker.retryInMs > 0)
        return breaker.state === "open" ? delayWhileOpen(breaker.retryInMs) : delayWhileTrying(breaker);
      return (await mayTry(claimed)) ? null : delayWhileTrying(breaker);
    },
    async note(claimed, sign) {
      if (trying.has(claimed.executionId)) return noteTry(claimed, sign);
      const { functionId } = claimed;
      const healthy = claimed.function.breaker === null && !suspect.has(functionId);
      if (claimed.function.kind !== "http" || sign === "nothing" || (sign === "answers" && healthy)) return;
      gather(functionId, sign);
      const write = writing.get(functionId) ?? startWriting(functionId);
      await write;
    },
  };

  async function mayTry(claimed: Called): Promise<boolean> {
    const { functionId, executionId } = claimed;
    if (asking.has(functionId)) return false;
    asking.add(functionId);
    try {
      const may = await untilAnswered(() => startProbe(db, functionId, claimed), log, lost);
      if (may) trying.add(executionId);
      if (may)
        log.info({ function_id: functionId, execution_id: executionId }, "circuit breaker lets one execution try");
      return may;
    } finally {
      asking.delete(functionId);
    }
  }

  async function noteTry(claimed: Called, sign: Sign): Promise<void> {
    trying.delete(claimed.executionId);
    const result: ProbeResult = sign === "answers" ? "recovered" : sign === "fails" ? "failing" : "unknown";
    const { functionId } = claimed;
    const change = await endProbe(db, functionId, claimed, result).catch(unwritten(functionId));
    if (change?.state === "closed") {
      suspect.delete(functionId);
      log.info({ function_id: functionId }, "circuit breaker closed");
    } else if (change) logOpen(functionId, change.openForMs);
  }

  function gather(functionId: string, sign: Sign): void {
    const before = gathered.get(functionId);
    if (sign === "answers") gathered.set(functionId, { succeeded: true, failures: 0 });
    else gathered.set(functionId, { succeeded: before?.succeeded ?? false, failures: (before?.failures ?? 0) + 1 });
  }

  /** One write after the other until nothing is gathered any more. */
  function startWriting(functionId: string): Promise<void> {
    const written = (async () => {
      for (let next = gathered.get(functionId); next; next = gathered.get(functionId)) {
        gathered.delete(functionId);
        if (next.failures > 0) suspect.add(functionId);
        else suspect.delete(functionId);
        const change = await countFailures(db, functionId, next).catch(unwritten(functionId));
        if (change?.state === "open") logOpen(functionId, change.openForMs);
      }
    })().finally(() => writing.delete(functionId));
    writing.set(functionId, written);
    return written;
  }

  function logOpen(functionId: string, openForMs: number): void {
    log.warn({ function_id: functionId, open_ms: Math.round(openForMs) }, "circuit breaker open");
  }

  function unwritten(functionId: string): (err: unknown) => null {
    return (err) => {
      log.warn({ err, function_id: functionId }, "circuit breaker could not be written");
      return null;
    };
  }
}
