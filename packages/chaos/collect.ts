import { readFileSync } from "node:fs";
import type { AttemptRow, Effect, History, JobRow, LedgerRow, Phase } from "./history.ts";
import type { PostgresServer } from "./postgres-server.ts";
import { readRewritten } from "./watch-final.ts";

const toMs = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;
const ms = (column: string, name: string): string => `${toMs(column)} as "${name}"`;

/** Reads the whole ledger, past all proxies. */
export async function readLedger(
  postgres: PostgresServer,
): Promise<Pick<History, "rows" | "attempts" | "jobs" | "rewritten">> {
  const rows = await postgres.query<LedgerRow>(`
    select id, job_id as "jobId", trigger, ${ms("scheduled_for", "scheduledFor")}, ${ms("scheduled_until", "scheduledUntil")},
      occurrences, status, skip_reason as "skipReason", attempt, worker, dispatch, error->>'code' as "errorCode",
      ${ms("created_at", "createdAt")}, ${ms("started_at", "startedAt")}, ${ms("completed_at", "completedAt")}
    from executions order by id`);
  const attempts = await postgres.query<AttemptRow>(`
    select execution_id as "executionId", attempt, outcome, worker, ${ms("started_at", "startedAt")}, ${ms("ended_at", "endedAt")}
    from attempts`);
  const jobs = await postgres.query<JobRow>(`
    select id, status, enabled, deleted_at is not null as deleted, paused_reason as "pausedReason",
      run_count as "runCount", max_runs as "maxRuns", auto_pause_after as "autoPauseAfter",
      case when auto_pause_after > 0 then (
        select ${toMs("max(c.at)")} from job_changes c where c.job_id = jobs.id and c.kind = 'paused'
      ) end as "autoPausedAt"
    from jobs`);
  return { rows, attempts, jobs, rewritten: await readRewritten(postgres) };
}

type Line = { e: string; a: number; p: Phase } & ({ j: string; s: string; t: number } | { answered: number });

/** Reads what the target wrote down. */
export function readEffects(file: string): Effect[] {
  const effects: Effect[] = [];
  const open = new Map<string, Effect>();
  for (const text of readFileSync(file, "utf8").split("\n")) {
    const line = parse(text);
    if (line === null) continue;
    const key = `${line.e} ${line.a} ${line.p}`;
    if ("answered" in line) {
      const effect = open.get(key);
      if (effect) effect.answeredAt = line.answered;
      continue;
    }
    const effect: Effect = {
      executionId: line.e,
      attempt: line.a,
      phase: line.p,
      jobId: line.j,
      scheduledFor: Date.parse(line.s),
      at: line.t,
      answeredAt: null,
    };
    open.set(key, effect);
    effects.push(effect);
  }
  return effects;
}

/** A target that was killed may leave the beginning of a line, which it had not answered for. */
function parse(text: string): Line | null {
  try {
    return text === "" ? null : (JSON.parse(text) as Line);
  } catch {
    return null;
  }
}
