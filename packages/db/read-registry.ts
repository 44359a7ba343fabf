import type { FileProblem, Offer, Registry } from "@belfry/contract/registry.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";

type Living = { id: string; pool: string; offers: Offer[]; problems: FileProblem[] };
type Known = { name: string; description: string; file: string | null };

/**
 * Which living worker offers which module, and which of their files cannot be used. Modules that no worker offers any
 * more are listed, too: a job may still call them.
 */
export async function readRegistry(db: Db): Promise<Registry> {
  const { rows: workers } = await db.execute<Living>(sql`
    select id, pool, offers, problems from workers where stopped_at is null order by started_at, id`);
  const { rows: known } = await db.execute<Known>(sql`
    select name, description, module_file as file from functions where account_id is null order by name`);
  return {
    functions: known.map((fn) => describe(fn, workers)),
    problems: problemsOf(workers),
  };
}

function describe({ name, description, file }: Known, workers: readonly Living[]): Registry["functions"][number] {
  const offered = workers.flatMap(({ id, pool, offers }) =>
    offers.filter((offer) => offer.name === name).map((offer) => ({ id, pool, offer })),
  );
  const newest = offered.at(-1)?.offer;
  const problem = workers.flatMap(({ problems }) => problems).find((one) => one.file === file);
  return {
    name,
    description: newest?.description ?? description,
    enabled: offered.length === 0 || offered.some(({ offer }) => offer.enabled),
    workers: offered.map(({ id, pool, offer }) => ({ id, pool, since: offer.since })),
    ...(problem && { problem: `${problem.file}: ${problem.message}` }),
  };
}

function problemsOf(workers: readonly Living[]): Registry["problems"] {
  const all = workers.flatMap(({ id, problems }) => problems.map((problem) => ({ ...problem, worker: id })));
  const same = Map.groupBy(all, ({ file, message }) => JSON.stringify([file, message]));
  return [...same.values()].flatMap((group) => {
    const [first] = group;
    return first ? [{ file: first.file, message: first.message, workers: group.map(({ worker }) => worker) }] : [];
  });
}
