import type pg from "pg";

/** What a Postgres server has written so far: bytes of its log (WAL), and transactions of this database. */
export type PostgresWork = { walBytes: number; commits: number };

/** Other databases of the server write to the same log: nobody else may be at work. */
export async function readPostgresWork(client: pg.Client): Promise<PostgresWork> {
  const { rows } = await client.query<PostgresWork>(
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as "walBytes", xact_commit::float8 as commits
     from pg_stat_database where datname = current_database()`,
  );
  return rows[0] as PostgresWork;
}
