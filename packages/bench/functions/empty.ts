import { defineFunction } from "@belfry/functions/define-function.ts";

/** Both phases, and nothing in them: what is left is what Belfry itself costs. */
export default defineFunction({
  name: "bench-empty",
  check: () => ({ shouldPerform: true }),
  perform: () => null,
});
