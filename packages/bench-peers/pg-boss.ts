import { fileURLToPath } from "node:url";
import { PgBoss } from "pg-boss";
import { ADD_CHUNK, chunks, type QueuePeer } from "./peer.ts";

export const QUEUE = "empty";

/** pg-boss by `work()`, and by `fetch()` and `complete()` in loops of one's own, in batches of 100 both. */
export const pgBoss = (mode: "work" | "fetch"): QueuePeer => ({
  name: mode === "work" ? "pg-boss (work)" : "pg-boss (fetch and complete)",
  workerFile: fileURLToPath(new URL("./pg-boss-process.ts", import.meta.url)),
  mode,
  drained: "select not exists (select from pgboss.job where name = 'empty' and state < 'completed') as drained",
  async prepare(databaseUrl) {
    const boss = quietBoss({ connectionString: databaseUrl });
    await boss.start();
    await boss.createQueue(QUEUE);
    await boss.stop({ graceful: false });
  },
  async add(databaseUrl, dueAt) {
    const boss = quietBoss({ connectionString: databaseUrl, migrate: false, supervise: false, schedule: false });
    await boss.start();
    for (const chunk of chunks(dueAt, ADD_CHUNK)) {
      await boss.insert(
        QUEUE,
        chunk.map((due) => ({ data: { due }, startAfter: new Date(due) })),
      );
    }
    await boss.stop({ graceful: false });
  },
});

/** It reports trouble as an event, which ends the process unless somebody listens. */
export function quietBoss(options: ConstructorParameters<typeof PgBoss>[0] & object): PgBoss {
  const boss = new PgBoss(options);
  boss.on("error", (error) => console.error(error));
  return boss;
}
