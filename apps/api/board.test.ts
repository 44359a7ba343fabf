/** The queues' board on real queues, on both backends. Who may open it is tested in access.test.ts. */
import { openQueues, type QueueBackend } from "@belfry/queue/backend.ts";
import { createBoard } from "@belfry/queue/board.ts";
import { createPublisher } from "@belfry/queue/publisher.ts";
import { makeAccount, makeJob, openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { type FastifyInstance, fastify } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BOARD_PATH, mountBoard } from "./board.ts";

describe.each(["redis", "postgres"] as const)("the board of queues on %s", (kind) => {
  let ledger: TestLedger;
  let backend: QueueBackend;
  let readOnly: FastifyInstance;
  let writable: FastifyInstance;
  const closing: (() => Promise<void>)[] = [];

  async function openBoard(options: { writable: boolean }): Promise<FastifyInstance> {
    const board = createBoard(backend, { basePath: BOARD_PATH, ...options, onError: () => undefined });
    const app = fastify();
    await mountBoard(ledger.db, board)(app);
    await app.ready();
    closing.push(board.close, () => app.close());
    return app;
  }
  const waiting = async () => {
    const { queue, close } = openQueues(backend, () => undefined);
    const opened = queue("heavy");
    const { wait, prioritized } = await opened.getJobCounts("wait", "prioritized");
    await close();
    return (wait ?? 0) + (prioritized ?? 0);
  };
  /** Empties the queue, as the button of that name does. */
  const empty = (app: FastifyInstance, queue = "heavy") =>
    app.inject({ method: "PUT", url: `${BOARD_PATH}/api/queues/${queue}/empty` });

  beforeAll(async () => {
    ledger = await openTestLedger();
    const { url, prefix } = createTestRedis();
    backend = kind === "redis" ? { kind, url, prefix } : { kind, url: ledger.url };
    const account = await makeAccount(ledger.db);
    for (const pool of ["default", "heavy"]) await makeJob(ledger.db, account, { pool });
    const publisher = createPublisher(backend, () => undefined);
    await publisher.publish([
      { executionId: crypto.randomUUID(), attempt: 1, dispatch: 1, accountId: "one", pool: "heavy", priority: "low" },
    ]);
    await publisher.close();
    readOnly = await openBoard({ writable: false });
    writable = await openBoard({ writable: true });
  });
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
    await ledger.close();
  });

  it("is a page that shows the pools' queues and what waits in them", async () => {
    const page = await readOnly.inject(BOARD_PATH);
    expect([page.statusCode, page.body]).toEqual([200, expect.stringContaining("Belfry")]);
    const { queues } = (await readOnly.inject(`${BOARD_PATH}/api/queues?activeQueue=heavy`)).json();
    expect(queues).toMatchObject([
      { name: "_system", displayName: "system", readOnlyMode: true },
      { name: "default", readOnlyMode: true },
      { name: "heavy", readOnlyMode: true, counts: { prioritized: 1 } },
    ]);
  });

  it.each([
    ["PUT", "queues/heavy/pause"],
    ["PUT", "queues/pause"],
    ["PUT", "queues/heavy/clean/prioritized"],
    ["POST", "queues/heavy/add"],
    ["PUT", "queues/heavy/obliterate"],
  ] as const)("does not do %s %s when it is for reading", async (method, path) => {
    await readOnly.inject(BOARD_PATH);
    // Some are answered with 200 all the same; what counts is that the queue is as it was.
    await readOnly.inject({
      method,
      url: `${BOARD_PATH}/api/${path}`,
      payload: { name: "execution", data: {}, options: {} },
    });
    const { queue, close } = openQueues(backend, () => undefined);
    const opened = queue("heavy");
    expect(await opened.isPaused()).toBe(false);
    await close();
    expect(await waiting()).toBe(1);
  });

  it("only ever shows the system queue", async () => {
    expect((await writable.inject(BOARD_PATH)).statusCode).toBe(200);
    const { queues } = (await writable.inject(`${BOARD_PATH}/api/queues?activeQueue=_system`)).json();
    expect(queues[0]).toMatchObject({ name: "_system", readOnlyMode: true });
    expect((await empty(writable, "_system")).statusCode).toBe(405);
  });

  it("refuses to change anything unless it was opened for that", async () => {
    expect((await empty(readOnly)).statusCode).toBe(405);
    expect(await waiting()).toBe(1);
    expect((await writable.inject(BOARD_PATH)).statusCode).toBe(200);
    expect((await empty(writable)).statusCode).toBe(200);
    expect(await waiting()).toBe(0);
  });
});
