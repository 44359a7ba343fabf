import { defineFunction } from "@belfry/functions";

/**
 * Both phases, and nothing in them: what is left is what Belfry itself costs.
 *
 * @public A worker loads it.
 */
export default defineFunction({
  name: "bench-empty",
  check: () => ({ shouldPerform: true }),
  perform: () => null,
});
