// Bare Fastify and pg: the same insert and the same selects as of Belfry's jobs, on a table of the same columns and
// indexes, and nothing else: no key, no schedule, no history. Told the database, it says its port.

import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import pg from "pg";

const POOL = 10;

const pool = new pg.Pool({ connectionString: process.env.BENCH_DATABASE_URL, max: POOL });
await pool.query(`
  create table if not exists bare_jobs (like jobs including defaults including indexes);
  create unique index if not exists bare_jobs_name on bare_jobs (account_id, name)`);
const { rows } = await pool.query<{ account_id: string; function_id: string }>(
  "select account_id, function_id from jobs limit 1",
);
const [owner] = rows;
if (!owner) throw new Error("there is no job to take the account from");

const app = Fastify();
const body = {
  type: "object",
  required: ["name", "function_id", "schedule"],
  properties: { name: { type: "string" }, function_id: { type: "string" }, schedule: { type: "string" }, payload: {} },
};

app.post<{ Body: { name: string; schedule: string; payload?: unknown } }>(
  "/jobs",
  { schema: { body } },
  async (request, reply) => {
    const { name, schedule, payload = {} } = request.body;
    const inserted = await pool.query({
      name: "insert",
      text: `insert into bare_jobs (id, account_id, function_id, name, description, schedule, schedule_spec, rules_version,
          timezone, payload, priority, pool, max_runs, misfire, overlap, auto_pause_after, retry, delivery, enabled,
          planned_from, next_run)
        values (uuidv7(), $1, $2, $3, '', $4, $4, 1, 'UTC', $5, 'medium', 'default', 0, '{}', '{}', 0, '{}', 'at_least_once',
          true, now(), now() + interval '1 day')
        returning *`,
      values: [owner.account_id, owner.function_id, name, JSON.stringify(schedule), JSON.stringify(payload)],
    });
    return reply.code(201).send(inserted.rows[0]);
  },
);

app.get<{ Params: { id: string } }>("/jobs/:id", async (request) => {
  const { rows } = await pool.query({
    name: "get",
    text: "select * from bare_jobs where id = $1 and account_id = $2",
    values: [request.params.id, owner.account_id],
  });
  return rows[0];
});

app.get("/jobs", async () => {
  const { rows } = await pool.query({
    name: "list",
    text: "select * from bare_jobs where account_id = $1 order by id desc limit 50",
    values: [owner.account_id],
  });
  return rows;
});

await app.listen({ port: 0, host: "127.0.0.1" });
process.once("disconnect", () => process.exit(0));
process.once("SIGTERM", () => process.exit(0));
process.send?.({ port: (app.server.address() as AddressInfo).port });
