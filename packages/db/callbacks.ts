/** What functions say of phases that they answer later, and who has the last word: the function's answer or the worker that waited long enough. */
import { type SQL, sql } from "drizzle-orm";
import type { CallbackKey } from "./callback-token.ts";
import type { Db } from "./client.ts";
import { CALLBACK_CHANNEL } from "./listen.ts";
import { columnsOf, toMs } from "./sql-values.ts";

/** What a waiting worker finds. `answer` is JSON text; `heartbeatAt` is the instant of the latest sign of life, null if there was none. */
export type CallbackState = { answer: string | null; heartbeatAt: number | null };

/** `closed`: the attempt has ended, or it is not yet running; `answered`: something else was answered before, in the response or by such a call. */
export type CallbackOutcome = "accepted" | "answered" | "closed" | "unknown";

const keyColumns = sql.raw("execution_id, attempt, phase");
const valuesOf = ({ executionId, attempt, phase }: CallbackKey): SQL =>
  sql`${executionId}::uuid, ${attempt}::int, ${phase}::text`;
const isKey = ({ executionId, attempt, phase }: CallbackKey): SQL =>
  sql`execution_id = ${executionId} and attempt = ${attempt} and phase = ${phase}`;
const isRunning = ({ executionId, attempt }: CallbackKey): SQL =>
  sql`exists (select from executions where id = ${executionId} and attempt = ${attempt} and status = 'running')`;
/** A perform of which something is known was called, so that its check is over, though nothing was written of that. */
const isFollowed = ({ executionId, attempt, phase }: CallbackKey): SQL =>
  phase === "check"
    ? sql`exists (select from callbacks where execution_id = ${executionId} and attempt = ${attempt} and phase = 'perform')`
    : sql`false`;
const isOpen = sql`callbacks.answered_at is null and callbacks.closed_at is null`;
const stateColumns = sql`answer, ${toMs(sql`heartbeat_at`)} as "heartbeatAt"`;

function numbered(keys: readonly CallbackKey[]): SQL {
  const column = columnsOf(keys);
  return sql`unnest(${column("executionId", "uuid")}, ${column("attempt", "int")}, ${column("phase", "text")})
    with ordinality as k(execution_id, attempt, phase, n)`;
}

/** Writes what a function has answered, JSON text, unless its attempt is over. The first answer counts; the same once more is accepted again. */
export async function answerCallback(db: Db, key: CallbackKey, answer: string): Promise<CallbackOutcome> {
  const { rowCount } = await db.execute(sql`
    insert into callbacks (${keyColumns}, answered_at, answer)
    select ${valuesOf(key)}, now(), ${answer} where ${isRunning(key)} and not ${isFollowed(key)}
    on conflict (${keyColumns}) do update set answered_at = excluded.answered_at, answer = excluded.answer where ${isOpen}
    returning pg_notify(${CALLBACK_CHANNEL}, ${key.executionId})`);
  return rowCount === 1 ? "accepted" : whyNot(db, key, answer);
}

/** Notes that a function is still at it. */
export async function heartbeatCallback(db: Db, key: CallbackKey): Promise<CallbackOutcome> {
  const { rowCount } = await db.execute(sql`
    insert into callbacks (${keyColumns}, heartbeat_at)
    select ${valuesOf(key)}, now() where ${isRunning(key)} and not ${isFollowed(key)}
    on conflict (${keyColumns}) do update set heartbeat_at = excluded.heartbeat_at where ${isOpen}
    returning pg_notify(${CALLBACK_CHANNEL}, ${key.executionId})`);
  return rowCount === 1 ? "accepted" : whyNot(db, key, null);
}

async function whyNot(db: Db, key: CallbackKey, answer: string | null): Promise<CallbackOutcome> {
  const { rows } = await db.execute<{ answer: string | null }>(sql`select answer from callbacks where ${isKey(key)}`);
  const given = rows[0]?.answer;
  if (typeof given === "string") return given === answer ? "accepted" : "answered";
  const { rows: found } = await db.execute<{ followed: boolean }>(sql`
    select ${isRunning(key)} and ${isFollowed(key)} as followed from executions where id = ${key.executionId}`);
  if (found[0]?.followed) return "answered";
  return rows[0] || found[0] ? "closed" : "unknown";
}

/** Notes that a function has taken a phase on, and gives what it has said of it already. */
export async function acceptCallback(db: Db, key: CallbackKey): Promise<CallbackState> {
  const { rows } = await db.execute<CallbackState>(sql`
    insert into callbacks (${keyColumns}, accepted_at) values (${valuesOf(key)}, now())
    on conflict (${keyColumns}) do update set accepted_at = excluded.accepted_at
    returning ${stateColumns}`);
  return rows[0] as CallbackState;
}

/** What functions have said of these phases, in the order of the keys; null where they have said nothing. */
export async function readCallbacks(db: Db, keys: readonly CallbackKey[]): Promise<(CallbackState | null)[]> {
  const { rows } = await db.execute<CallbackState & { n: number }>(sql`
    select k.n::int as n, ${stateColumns} from ${numbered(keys)} join callbacks using (${keyColumns})`);
  const byNumber = new Map(rows.map((row) => [row.n, row]));
  return keys.map((_, i) => byNumber.get(i + 1) ?? null);
}

/**
 * Ends the waiting: no answer counts from here on. Gives, in the order of the keys, the answers that came before, which
 * count. Written also where a function has said nothing: one that was called may still be about to.
 */
export async function closeCallbacks(db: Db, keys: readonly CallbackKey[]): Promise<(string | null)[]> {
  await db.execute(sql`
    insert into callbacks (${keyColumns}, closed_at) select ${keyColumns}, now() from ${numbered(keys)}
    on conflict (${keyColumns}) do update set closed_at = excluded.closed_at where ${isOpen}`);
  return (await readCallbacks(db, keys)).map((state) => state?.answer ?? null);
}

/** Forgets what was said of attempts that are long over. Returns how many. Whoever answers them once more is told that they are. */
export async function forgetCallbacks(db: Db): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from callbacks c
    where c.created_at < now() - interval '1 day' and not exists (
      select from executions e where e.id = c.execution_id and e.attempt = c.attempt and e.status = 'running')`);
  return rowCount ?? 0;
}
