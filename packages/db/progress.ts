import type { Progress } from "@belfry/contract/execution.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { columnsOf, jsonTextOrNull, opaque } from "./sql-values.ts";

export type ProgressNote = { executionId: string; attempt: number; progress: Progress };

/** Keeps how far a running attempt is, as its function has told the API. */
export async function noteProgress(db: Db, { executionId, attempt, progress }: ProgressNote): Promise<void> {
  await db.execute(sql`
    update executions set progress = ${jsonTextOrNull(progress)}::json
    where id = ${executionId} and attempt = ${attempt} and ${opaque(sql`status = 'running'`)}`);
}

/** Keeps how far executions are that a worker runs; each of them once. What it does not hold any more stays as it is. */
export async function writeProgress(db: Db, worker: string, notes: readonly ProgressNote[]): Promise<void> {
  const rows = notes.map((note) => ({ ...note, progress: jsonTextOrNull(note.progress) }));
  const column = columnsOf(rows);
  await db.execute(sql`
    update executions e set progress = n.progress
    from unnest(${column("executionId", "uuid")}, ${column("attempt", "int")}, ${column("progress", "json")})
      as n(id, attempt, progress)
    where e.id = n.id and e.id = any(${column("executionId", "uuid")}) and e.attempt = n.attempt
      and ${opaque(sql`e.worker = ${worker} and e.status = 'running'`)}`);
}
