import { fileURLToPath } from "node:url";
import { runMigrations } from "graphile-worker";
import pg from "pg";
import { ADD_CHUNK, chunks, type QueuePeer } from "./peer.ts";

export const TASK = "empty";

/** graphile-worker as it is by default, and with its batching: https://worker.graphile.org/docs/performance */
export const graphile = (mode: "default" | "batched"): QueuePeer => ({
  name: `graphile-worker (${mode})`,
  workerFile: fileURLToPath(new URL("./graphile-process.ts", import.meta.url)),
  mode,
  drained: "select not exists (select from graphile_worker._private_jobs) as drained",
  prepare: (databaseUrl) => runMigrations({ connectionString: databaseUrl }),
  async add(databaseUrl, dueAt) {
    const client = new pg.Client(databaseUrl);
    await client.connect();
    try {
      for (const chunk of chunks(dueAt, ADD_CHUNK)) await client.query(ADD, [TASK, chunk]);
      // As after some time in use.
      await client.query("analyze graphile_worker._private_jobs");
    } finally {
      await client.end();
    }
  },
});

const ADD = `select count(*) from graphile_worker.add_jobs(array(
  select json_populate_record(null::graphile_worker.job_spec, json_build_object(
    'identifier', $1::text, 'payload', json_build_object('due', due), 'run_at', to_timestamp(due / 1000)))
  from unnest($2::float8[]) as due))`;
