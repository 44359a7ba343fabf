import { isDeepStrictEqual } from "node:util";
import type { FileProblem, Offer } from "@belfry/contract/registry.ts";
import { type SurveyedModule, surveyModules } from "@belfry/runners/survey.ts";

/** The modules that this worker offers, and what is wrong with the files that define none. */
export type Offered = {
  /** By name. The same map for as long as the worker runs; `update` changes what is in it. */
  readonly modules: ReadonlyMap<string, SurveyedModule>;
  problems(): readonly FileProblem[];
  /** Those whose files define them as they are. */
  upToDate(): SurveyedModule[];
  /** What the worker's row says of it. */
  record(): { modules: string[]; offers: Offer[]; problems: FileProblem[] };
  /**
   * Looks at the folder again and gives the modules that are no longer to be used. A module none of whose files has
   * changed stays the same object; a file that cannot be used any more leaves the function that it defined as it was.
   * @throws Error if the folder cannot be read; then everything stays.
   */
  update(): Promise<SurveyedModule[]>;
};

/** Looks at a folder; null is a worker without one. Throws Error if it cannot be read. */
export async function offerModules(dir: string | null): Promise<Offered> {
  const modules = new Map<string, SurveyedModule>();
  const since = new Map<string, string>();
  let problems: FileProblem[] = [];

  async function update(): Promise<SurveyedModule[]> {
    if (dir === null) return [];
    const found = await surveyModules(dir);
    const former = new Map(modules);
    const broken = new Set(found.problems.map(({ file }) => file));
    modules.clear();
    for (const [name, module] of found.modules) {
      const old = former.get(name);
      const same = old && isDeepStrictEqual({ ...old, outdated: false }, module);
      // Also a file that was broken and is again what it was.
      if (same) old.outdated = false;
      modules.set(name, same ? old : module);
    }
    for (const [name, old] of former) {
      if (!broken.has(old.file) || modules.has(name)) continue;
      old.outdated = true;
      modules.set(name, old);
    }
    problems = found.problems.map((problem) => ({ ...problem, message: problem.message + stillOffered(problem.file) }));
    for (const name of modules.keys()) if (!since.has(name)) since.set(name, new Date().toISOString());
    for (const name of since.keys()) if (!modules.has(name)) since.delete(name);
    return [...former.values()].filter((old) => modules.get(old.name) !== old);
  }

  function stillOffered(file: string): string {
    const old = [...modules.values()].find((module) => module.outdated && module.file === file);
    return old ? `; the version of ${JSON.stringify(old.name)} from before goes on` : "";
  }

  function offerOf({ name, description, enabled }: SurveyedModule): Offer {
    return { name, description, enabled, since: since.get(name) as string };
  }

  await update();
  return {
    modules,
    problems: () => problems,
    upToDate: () => [...modules.values()].filter(({ outdated }) => !outdated),
    record: () => ({
      modules: [...modules.keys()],
      offers: [...modules.values()].map(offerOf),
      problems,
    }),
    update,
  };
}
