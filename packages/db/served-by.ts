import { type SQL, sql } from "drizzle-orm";

/** Who could run what is of a pool and a module. */
export type Served = {
  /** Living workers of the pool, and those of them that have the module. */
  workers: number;
  able: number;
  /** When the last worker that had it has stopped. */
  lastStoppedAt: Date | null;
};

/** A sub-query of one row with the fields of `Served`. The module is empty for what any worker can run. */
export const servedBy = (pool: SQL, module: SQL): SQL => {
  const able = sql`(${module} = '' or ${module} = any(w.modules))`;
  return sql`
    select count(*) filter (where w.stopped_at is null)::int as workers,
      count(*) filter (where w.stopped_at is null and ${able})::int as able,
      max(w.stopped_at) filter (where ${able}) as "lastStoppedAt"
    from workers w where w.pool = ${pool}`;
};
