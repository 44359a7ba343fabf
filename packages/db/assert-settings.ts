import { sql } from "drizzle-orm";
import { type Db, sessionTimeouts } from "./client.ts";

/** What a session of ours says of itself and its server. Times in milliseconds. */
export type SessionSettings = {
  serverVersion: number;
  synchronousCommit: string;
  timezone: string;
  statementTimeout: number;
  lockTimeout: number;
  idleInTransactionTimeout: number;
  maxConnections: number;
};

const OLDEST_VERSION = 15;
/** What an API, a scheduler and two workers may open at most, with the queue on Postgres too. */
const FEWEST_CONNECTIONS = 80;

/**
 * Throws, with a line that names every one, when settings are not in force on which the ledger's promises rest: our
 * connections ask for them, and a pooler in between or options in the URL can undo that. Returns warnings: lines about
 * what is only unwise.
 */
export async function assertSettings(db: Db): Promise<string[]> {
  // One that has a unit is shown in the unit that suits its value; pg_settings has them all in milliseconds.
  const setting = (name: string) => sql`(select setting from pg_settings where name = ${name})`;
  const { rows } = await db.execute<SessionSettings>(sql`
    select current_setting('server_version_num')::int / 10000 as "serverVersion",
      current_setting('synchronous_commit') as "synchronousCommit", current_setting('TimeZone') as timezone,
      ${setting("statement_timeout")}::int as "statementTimeout", ${setting("lock_timeout")}::int as "lockTimeout",
      ${setting("idle_in_transaction_session_timeout")}::int as "idleInTransactionTimeout",
      current_setting('max_connections')::int as "maxConnections"`);
  const { refusals, warnings } = judgeSettings(rows[0] as SessionSettings);
  if (refusals.length > 0) throw new Error(`DATABASE_URL: ${refusals.join("; ")}`);
  return warnings;
}

/** The decision by itself: what keeps a process from starting, and what it only warns of. */
export function judgeSettings(settings: SessionSettings): { refusals: string[]; warnings: string[] } {
  const { serverVersion, synchronousCommit, timezone, maxConnections } = settings;
  const wanted = sessionTimeouts();
  const refusals: string[] = [];
  if (serverVersion < OLDEST_VERSION)
    refusals.push(`Postgres is version ${serverVersion}, and must be ${OLDEST_VERSION} or newer`);
  if (synchronousCommit === "off")
    refusals.push(
      "synchronous_commit is off for our connections: a crash of Postgres would lose what was acknowledged",
    );
  if (!/^(?:etc\/)?utc$/i.test(timezone))
    refusals.push(`the time zone of our connections is ${timezone}, and must be UTC`);
  for (const [name, value, most] of [
    ["statement_timeout", settings.statementTimeout, wanted.statement_timeout],
    ["lock_timeout", settings.lockTimeout, wanted.lock_timeout],
    [
      "idle_in_transaction_session_timeout",
      settings.idleInTransactionTimeout,
      wanted.idle_in_transaction_session_timeout,
    ],
  ] as const) {
    if (value === 0) refusals.push(`${name} is off for our connections, and must be ${most} ms`);
    else if (value > most) refusals.push(`${name} is ${value} ms for our connections, and must be ${most} ms at most`);
  }
  const warnings =
    maxConnections < FEWEST_CONNECTIONS
      ? [`max_connections of Postgres is ${maxConnections}: a small cluster may need ${FEWEST_CONNECTIONS}`]
      : [];
  return { refusals, warnings };
}
