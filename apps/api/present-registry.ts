import { createHash } from "node:crypto";
import type { Registry } from "@belfry/contract/registry.ts";
import { withoutPaths } from "@belfry/db/without-paths.ts";

/**
 * The registry for those who do not run the cluster: workers are told apart, not by the names and process ids of their
 * machines, and of what files have thrown no paths are left. Admins get it as it is.
 */
export function presentRegistry(registry: Registry, role: string): Registry {
  if (role === "admin") return registry;
  return {
    functions: registry.functions.map(({ workers, problem, ...fn }) => ({
      ...fn,
      workers: workers.map((worker) => ({ ...worker, id: opaque(worker.id) })),
      ...(problem !== undefined && { problem: withoutPaths(problem) }),
    })),
    problems: registry.problems.map(({ file, message, workers }) => ({
      file,
      message: withoutPaths(message),
      workers: workers.map(opaque),
    })),
  };
}

/** The same for the same worker. Its id ends in bits by chance, so that the rest cannot be found by trying. */
const opaque = (worker: string): string => `worker-${createHash("sha256").update(worker).digest("hex").slice(0, 12)}`;
