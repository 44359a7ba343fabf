import { createHash } from "node:crypto";
import { defineFunction } from "@belfry/functions";

/** So many of a hundred executions are poison, in each of their attempts. */
const POISON = 15;

const SIGNALS = ["SIGKILL", "SIGSEGV", "SIGABRT"] as const;

/** Tells the target of the call, as one over HTTP does by itself; and if the execution is poison, its worker dies of it. */
export default defineFunction({
  name: "killer",
  async perform(event) {
    const body = JSON.stringify(event);
    const response = await fetch(`${process.env.CHAOS_TARGET_URL}/fast`, { method: "POST", body });
    await response.text();
    const dice = createHash("sha256").update(event.belfry.execution_id).digest();
    // Its own process is only a host of the worker, which outlives it.
    if (dice.readUInt16BE(0) % 100 < POISON) process.kill(process.ppid, SIGNALS[dice.readUInt16BE(2) % 3]);
    return { survived: true };
  },
});
