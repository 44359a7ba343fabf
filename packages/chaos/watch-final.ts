import type { Rewritten } from "./history.ts";
import type { PostgresServer } from "./postgres-server.ts";

/** Makes Postgres write down each change of a row that was final already, which nobody could tell from the ledger later. */
export async function watchFinal(postgres: PostgresServer): Promise<void> {
  await postgres.query(`
    create table chaos_rewritten (execution_id uuid not null, was text not null, became text not null);
    create function chaos_note_rewritten() returns trigger language plpgsql as $$
      begin
        insert into public.chaos_rewritten values (old.id, old.status, new.status);
        return null;
      end $$;
    create trigger chaos_final after update on executions for each row
      when (old.completed_at is not null) execute function chaos_note_rewritten()`);
}

export function readRewritten(postgres: PostgresServer): Promise<Rewritten[]> {
  return postgres.query<Rewritten>(`select execution_id as "executionId", was, became from chaos_rewritten`);
}
