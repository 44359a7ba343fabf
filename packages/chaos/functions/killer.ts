import { createHash } from "node:crypto";
import { defineFunction } from "@belfry/functions";

/** So many of a hundred executions are poison, in each of their attempts. */
const POISON = 15;

/** Tells the target of the call, as one over HTTP does by itself; and if the execution is poison, its worker dies of it. */
export default defineFunction({
  name: "killer",
  async perform(event) {
    const body = JSON.stringify(event);
    const response = await fetch(`${process.env.CHAOS_TARGET_URL}/fast`, { method: "POST", body });
    await response.text();
    const dice = createHash("sha256").update(event.belfry.execution_id).digest();
    if (dice.readUInt16BE(0) % 100 < POISON) die(dice.readUInt16BE(2) % 3);
    return { survived: true };
  },
});

function die(how: number): void {
  if (how === 0) process.exit(0);
  if (how === 1) process.kill(process.pid, "SIGKILL");
  setImmediate(() => {
    throw new Error("thrown where nobody catches it");
  });
}
