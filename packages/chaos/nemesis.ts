import { setTimeout as sleep } from "node:timers/promises";
import type { FaultRecord } from "./history.ts";
import type { Fault, FaultKind } from "./plan-faults.ts";
import type { PostgresServer } from "./postgres-server.ts";
import type { FaultyProxy } from "./proxy.ts";
import type { RedisServer } from "./redis-server.ts";
import type { Slot } from "./slots.ts";

/** Everything that can be hurt. */
export type Victims = {
  schedulers: Slot[];
  workers: Slot[];
  api: Slot;
  target: Slot;
  postgres: PostgresServer;
  redis: RedisServer | null;
  /** In front of Postgres and of Redis, by the name of the slot that goes through it. */
  toPostgres: Map<string, FaultyProxy>;
  toRedis: Map<string, FaultyProxy>;
  toApi: FaultyProxy;
  faketime: string | null;
};

/** How often the moments were hit that a run is about. */
export type Reach = { redisWipesWithWork: number; killsWithWork: number; commitsUnknown: number };

export type Nemesis = {
  /** Carries out a fault, from its beginning to its end. Never rejects. */
  inflict(fault: Fault): Promise<FaultRecord>;
  /** Ends whatever is still going on. */
  heal(): Promise<void>;
  reach: Reach;
};

/** Statements whose outcome shall stay unknown: commits, claims, verdicts, retries. */
const COMMITS = ["commit\0", "with wanted as", "with verdict as", "with job as"];
const API_REPLIES = ["POST /automation", "PATCH /automation", "DELETE /automation"];

export function createNemesis(victims: Victims, log: (line: object) => void): Nemesis {
  const { schedulers, workers, api, target, postgres, redis, toPostgres, toRedis, toApi } = victims;
  const reach: Reach = { redisWipesWithWork: 0, killsWithWork: 0, commitsUnknown: 0 };
  const apps = [...schedulers, ...workers, api];
  /** What the server is doing to itself; the next such fault waits. */
  let serverBusy: Promise<unknown> = Promise.resolve();

  const one = <T>(from: readonly T[], index: number): T => from[index % from.length] as T;
  const openRows = async (status: string): Promise<number> => {
    const rows = await postgres
      .query<{ n: number }>("select count(*)::int as n from executions where status = $1 and dispatch > 0", [status])
      .catch(() => []);
    return rows[0]?.n ?? 0;
  };

  async function killWorkers(slots: Slot[]): Promise<void> {
    // Postgres may be away as well, and then nobody waits for its answer.
    const running = await Promise.race([openRows("running"), sleep(200, 0)]);
    for (const slot of slots) slot.signal("SIGKILL");
    reach.killsWithWork += running > 0 ? 1 : 0;
  }

  async function freeze(slots: Slot[], durationMs: number): Promise<void> {
    for (const slot of slots) slot.signal("SIGSTOP");
    await sleep(durationMs);
    for (const slot of slots) slot.signal("SIGCONT");
  }

  async function throughProxy(
    proxies: Map<string, FaultyProxy>,
    index: number,
    durationMs: number,
    hurt: (proxy: FaultyProxy) => void,
  ) {
    const name = one([...proxies.keys()].sort(), index);
    const proxy = proxies.get(name) as FaultyProxy;
    hurt(proxy);
    await sleep(durationMs);
    proxy.heal();
  }

  async function wipe(hurt: () => Promise<void>): Promise<void> {
    if ((await openRows("pending")) > 0) reach.redisWipesWithWork++;
    await hurt();
  }

  function restartPostgres(how: "fast" | "immediate", durationMs: number): Promise<void> {
    return alone(async () => {
      await postgres.end(how);
      await sleep(durationMs);
      await postgres.start();
    });
  }

  function alone(work: () => Promise<void>): Promise<void> {
    const done = serverBusy.then(work);
    serverBusy = done.catch(() => undefined);
    return done;
  }

  async function skewClock(slot: Slot, index: number, durationMs: number): Promise<void> {
    const seconds = (index % 2 === 0 ? 1 : -1) * (30 + index * 3);
    const sign = seconds > 0 ? "+" : "";
    slot.override({
      LD_PRELOAD: victims.faketime ?? "",
      FAKETIME: `${sign}${seconds}s`,
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    });
    slot.signal("SIGKILL");
    await sleep(durationMs);
    slot.override({});
    slot.signal("SIGKILL");
  }

  const carryOut: Record<FaultKind, (fault: Fault) => Promise<void>> = {
    "scheduler-kill": async ({ index }) => one(schedulers, index).signal("SIGKILL"),
    "scheduler-stop": async ({ index }) => one(schedulers, index).signal("SIGTERM"),
    "scheduler-freeze": ({ index, durationMs }) => freeze([one(schedulers, index)], durationMs),
    "schedulers-freeze": ({ durationMs }) => freeze(schedulers, durationMs),
    "worker-kill": ({ index }) => killWorkers([one(workers, index)]),
    "worker-stop": async ({ index }) => one(workers, index).signal("SIGTERM"),
    "worker-freeze": ({ index, durationMs }) => freeze([one(workers, index)], durationMs),
    "workers-freeze": ({ durationMs }) => freeze(workers, durationMs),
    "workers-kill": () => killWorkers(workers),
    "api-kill": async () => api.signal("SIGKILL"),
    "api-freeze": ({ durationMs }) => freeze([api], durationMs),
    "api-replies-cut": async ({ durationMs }) => {
      toApi.cutRepliesTo(API_REPLIES);
      await sleep(durationMs);
      toApi.heal();
    },
    "target-kill": async () => target.signal("SIGKILL"),
    "target-freeze": ({ durationMs }) => freeze([target], durationMs),
    "clock-skew": ({ index, durationMs }) => skewClock(one(apps, index), index, durationMs),
    "postgres-restart": ({ durationMs }) => restartPostgres("fast", durationMs),
    "postgres-immediate": ({ durationMs }) => restartPostgres("immediate", durationMs),
    "postgres-backend-kill": ({ index }) => alone(async () => void (await postgres.signalBackend(index, "SIGKILL"))),
    "postgres-backend-freeze": async ({ index, durationMs }) => {
      const pid = await postgres.signalBackend(index, "SIGSTOP");
      await sleep(durationMs);
      if (pid !== null) process.kill(pid, "SIGCONT");
    },
    "postgres-exhausted": ({ durationMs }) =>
      alone(async () => {
        const giveBack = await postgres.exhaust();
        await sleep(durationMs);
        await giveBack();
      }),
    "postgres-cut": ({ index, durationMs }) => throughProxy(toPostgres, index, durationMs, (proxy) => proxy.cut()),
    "postgres-half-open": ({ index, durationMs }) =>
      throughProxy(toPostgres, index, durationMs, (proxy) => proxy.halfOpen()),
    "postgres-silent": ({ index, durationMs }) =>
      throughProxy(toPostgres, index, durationMs, (proxy) => proxy.silence()),
    "postgres-commit-cut": ({ index, durationMs }) =>
      throughProxy(toPostgres, index, durationMs, (proxy) => proxy.cutRepliesTo(COMMITS)),
    "redis-flush": () => wipe(async () => redis?.flushAll()),
    "redis-flush-full": async ({ durationMs }) => {
      for (const slot of workers) slot.signal("SIGSTOP");
      await sleep(durationMs);
      await wipe(async () => redis?.flushAll()).finally(() => workers.map((slot) => slot.signal("SIGCONT")));
    },
    "redis-kill": ({ durationMs }) =>
      wipe(async () => {
        await redis?.kill();
        await sleep(durationMs);
        await redis?.start();
      }),
    "redis-freeze": async ({ durationMs }) => {
      redis?.signal("SIGSTOP");
      await sleep(durationMs);
      redis?.signal("SIGCONT");
    },
    "redis-cut": ({ index, durationMs }) => throughProxy(toRedis, index, durationMs, (proxy) => proxy.cut()),
    "redis-half-open": ({ index, durationMs }) => throughProxy(toRedis, index, durationMs, (proxy) => proxy.halfOpen()),
  };

  return {
    reach,
    async inflict(fault) {
      const begunAt = Date.now();
      log({ begin: fault, t: begunAt });
      // What cannot be done, such as ending a process that has just ended, is no fault.
      const error = await carryOut[fault.kind](fault).then(
        () => null,
        (error: Error) => error.message,
      );
      const record: FaultRecord = { fault, begunAt, endedAt: Date.now(), error };
      log({ end: fault, t: record.endedAt, error });
      return record;
    },
    async heal() {
      for (const slot of [...apps, target]) slot.signal("SIGCONT");
      for (const proxy of [...toPostgres.values(), ...toRedis.values(), toApi]) proxy.heal();
      await serverBusy;
      reach.commitsUnknown = [...toPostgres.values()].reduce((sum, proxy) => sum + proxy.repliesCut(), 0);
    },
  };
}
