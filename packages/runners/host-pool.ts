/**
 * The hosts of a worker: for each module a lane of processes in which its executions run, one as a rule, and further
 * ones while that one is blocked.
 */
import type { ExecutionErrorCode } from "@belfry/contract/errors.ts";
import { type Host, startHost } from "./host.ts";
import { hostEnv } from "./host-env.ts";
import type { HostEvent, Order, ToHost } from "./host-messages.ts";
import { startReaper } from "./host-reaper.ts";
import type { SurveyedModule } from "./survey.ts";

/** A host that has not taken a batch for this long is blocked. */
const BLOCKED_MS = 100;
const HOSTS_PER_LANE = 4;
const START_MS = 10_000;
const IDLE_MS = 600_000;
const MEMORY_EVERY_MS = 250;
/** How long those that run beside a handler which does not stop may take to end before its host is killed. */
const RETIRE_MS = 5000;
/** What sat in the channels of so many hosts that were killed is not sent to a further one. */
const MAX_RESENT = 3;

export type HostPoolOptions = {
  /** Processes at once. */
  limit: number;
  /** Heap of each, in MB; one that uses more than twice as much in all is killed. */
  memoryMb: number;
  /** Tells what nobody else hears of. */
  onNotice: (message: string, fields: Record<string, unknown>) => void;
  env?: NodeJS.ProcessEnv;
};

/** What befalls an attempt that was given to the pool. */
export type AttemptListener = {
  /** It is in a host's hands. */
  sent(): void;
  event(event: HostEvent): void;
  /** Its host has ended before it. `alone`: nothing else ran there that could have been the cause. */
  hostEnded(reason: string, alone: boolean): void;
};

/** The worker's hold on an attempt. */
export type Ticket = {
  go(): void;
  stop(code: ExecutionErrorCode, message: string): void;
  /** Takes it back if no host has it yet. */
  withdraw(): boolean;
  /** Ends its host at once, since it is blocked. */
  killHost(reason: string): void;
  /** Its host takes nothing more, and is killed as soon as the others there have ended. Resolves when it is gone. */
  retireHost(): Promise<void>;
};

export type HostPool = {
  begin(module: SurveyedModule, order: Omit<Order, "id">, listener: AttemptListener): Ticket;
  /** Starts a host for each, so that a first execution need not wait; up to half of what may run at once. */
  warm(modules: Iterable<SurveyedModule>): void;
  /** Modules that are no longer to be used: what runs may finish. */
  retire(modules: Iterable<SurveyedModule>): void;
  /** Processes that run. */
  count(): number;
  /** Kills them all. */
  close(): Promise<void>;
};

type Entry = {
  order: Order;
  listener: AttemptListener;
  slot: Slot | null;
  sentSeq: number;
  received: boolean;
  resent: number;
};

/** A host and what the pool knows of it. */
type Slot = {
  host: Host;
  lane: Lane;
  state: "starting" | "ready" | "retiring" | "ended";
  entries: Map<number, Entry>;
  /** The number of the last batch, since when it waits for an answer, and the number of the last one that has begun. */
  sentSeq: number;
  sentAt: number;
  begunSeq: number;
  /** When it last said anything. */
  heardAt: number;
  idleSince: number;
  startTimer: NodeJS.Timeout | null;
  /** The attempt on whose account the worker ends it: the others there are not to blame. */
  culprit: number | null;
  gone: PromiseWithResolvers<void>;
};

type Lane = {
  module: SurveyedModule;
  slots: Set<Slot>;
  queue: Entry[];
  retired: boolean;
  timer: NodeJS.Timeout | null;
};

export function createHostPool({ limit, memoryMb, onNotice, env = process.env }: HostPoolOptions): HostPool {
  const lanes = new Map<SurveyedModule, Lane>();
  const slots = new Set<Slot>();
  const pumping = new Set<Lane>();
  const filtered = hostEnv(env);
  const reaper = startReaper((error) => onNotice("hosts would outlive this worker if it were killed", { err: error }));
  let nextId = 1;
  let closed = false;
  const watch = setInterval(watchHosts, MEMORY_EVERY_MS).unref();

  return {
    begin(module, order, listener) {
      const lane = laneOf(module);
      const entry: Entry = {
        order: { ...order, id: nextId++ },
        listener,
        slot: null,
        sentSeq: 0,
        received: false,
        resent: 0,
      };
      lane.queue.push(entry);
      pumpSoon(lane);
      return ticketOf(lane, entry);
    },
    warm(modules) {
      for (const module of modules) {
        if (slots.size >= Math.max(1, Math.floor(limit / 2))) return;
        const lane = laneOf(module);
        if (lane.slots.size === 0) startSlot(lane);
      }
    },
    retire(modules) {
      for (const module of modules) {
        const lane = lanes.get(module);
        if (!lane) continue;
        lane.retired = true;
        settleLane(lane);
      }
    },
    count: () => slots.size,
    async close() {
      closed = true;
      clearInterval(watch);
      const gone = [...slots].map((slot) => slot.gone.promise);
      for (const slot of slots) slot.host.kill("was ended with its worker");
      await Promise.all(gone);
      reaper.close();
    },
  };

  function laneOf(module: SurveyedModule): Lane {
    let lane = lanes.get(module);
    if (!lane) {
      lane = { module, slots: new Set(), queue: [], retired: false, timer: null };
      lanes.set(module, lane);
    }
    return lane;
  }

  function ticketOf(lane: Lane, entry: Entry): Ticket {
    const { id } = entry.order;
    const tell = (item: ToHost) => {
      if (entry.slot && entry.slot.state !== "ended") post(entry.slot, [item]);
    };
    return {
      go: () => tell({ go: id }),
      stop: (code, message) => tell({ stop: id, code, message }),
      withdraw() {
        const at = lane.queue.indexOf(entry);
        if (at >= 0) lane.queue.splice(at, 1);
        return at >= 0;
      },
      killHost(reason) {
        if (entry.slot) entry.slot.culprit ??= id;
        entry.slot?.host.kill(reason);
      },
      async retireHost() {
        const { slot } = entry;
        if (!slot || slot.state === "ended") return;
        slot.state = "retiring";
        slot.culprit ??= id;
        setTimeout(() => slot.host.kill("was ended: a handler in it did not stop when told to"), RETIRE_MS).unref();
        settleSlot(slot);
        await slot.gone.promise;
      },
    };
  }

  /** After the turn, so that what comes together travels together. */
  function pumpSoon(lane: Lane): void {
    if (pumping.size === 0) setImmediate(pumpAll);
    pumping.add(lane);
  }

  function pumpAll(): void {
    const due = [...pumping];
    pumping.clear();
    for (const lane of due) pump(lane);
  }

  function pump(lane: Lane): void {
    if (closed || lane.queue.length === 0) return;
    const now = performance.now();
    const usable = [...lane.slots].filter(({ state }) => state === "ready");
    const answering = usable.filter((slot) => slot.begunSeq >= slot.sentSeq);
    // What is sent to one that is blocked is stuck there: one that was silent while it had something to run is asked first.
    const fresh = answering.find((slot) => slot.entries.size === 0 || now - slot.heardAt < BLOCKED_MS);
    if (fresh) return send(fresh, lane.queue.splice(0));
    for (const slot of answering) post(slot, []);
    const starting = [...lane.slots].some(({ state }) => state === "starting");
    const waiting = usable.map((slot) => slot.sentAt + BLOCKED_MS - now).filter((ms) => ms > 0);
    // One of them may take it in a moment.
    if (waiting.length > 0) return pumpIn(lane, Math.min(...waiting));
    if (!starting) startSlot(lane);
  }

  function pumpIn(lane: Lane, ms: number): void {
    lane.timer ??= setTimeout(() => {
      lane.timer = null;
      pumpSoon(lane);
    }, ms);
  }

  function send(slot: Slot, entries: Entry[]): void {
    post(
      slot,
      entries.map(({ order }) => ({ run: order })),
    );
    for (const entry of entries) {
      entry.slot = slot;
      entry.sentSeq = slot.sentSeq;
      slot.entries.set(entry.order.id, entry);
      entry.listener.sent();
    }
  }

  function post(slot: Slot, items: ToHost[]): void {
    // Counted from the first one that is not answered.
    if (slot.begunSeq >= slot.sentSeq) slot.sentAt = performance.now();
    slot.sentSeq = slot.host.post(items);
  }

  /** Does nothing if there is no room: the lane is looked at again when a host becomes idle or ends. */
  function startSlot(lane: Lane): void {
    if (closed || lane.slots.size >= HOSTS_PER_LANE) return;
    if (slots.size >= limit && !makeRoom()) return;
    const slot = {
      lane,
      state: "starting",
      entries: new Map(),
      gone: Promise.withResolvers<void>(),
    } as Partial<Slot> as Slot;
    Object.assign(slot, {
      sentSeq: 0,
      sentAt: 0,
      begunSeq: 0,
      heardAt: 0,
      idleSince: performance.now(),
      culprit: null,
    });
    slots.add(slot);
    lane.slots.add(slot);
    const { path: file, name, code } = lane.module;
    slot.host = startHost(
      { file, name, code },
      { memoryMb, env: filtered, reaper },
      {
        ready() {
          if (slot.startTimer) clearTimeout(slot.startTimer);
          if (slot.state === "starting") slot.state = "ready";
          settleLane(lane);
          pumpSoon(lane);
        },
        received(seq) {
          for (const entry of slot.entries.values()) if (entry.sentSeq <= seq) entry.received = true;
        },
        began(seq, events) {
          slot.begunSeq = Math.max(slot.begunSeq, seq);
          slot.heardAt = performance.now();
          for (const event of events) hear(slot, event);
          if (lane.queue.length > 0) pumpSoon(lane);
          if (slot.entries.size === 0) settleSlot(slot);
        },
        ended: (reason) => onEnded(slot, reason),
      },
    );
    slot.startTimer = setTimeout(
      () => slot.host.kill(`did not load its module within ${START_MS} ms`),
      START_MS,
    ).unref();
  }

  function hear(slot: Slot, event: HostEvent): void {
    const entry = slot.entries.get(event.id);
    if (!entry) return;
    entry.received = true;
    if (event.stage === "over") slot.entries.delete(event.id);
    entry.listener.event(event);
  }

  /** Ends the host that has been idle for longest. False if all of them are busy. */
  function makeRoom(): boolean {
    const idle = [...slots].filter((slot) => slot.state === "ready" && slot.entries.size === 0);
    const [longest] = idle.sort((a, b) => a.idleSince - b.idleSince);
    if (!longest) return false;
    end(longest, "was ended to make room for another function");
    return true;
  }

  /** Takes a host that runs nothing out of use; its process ends a little later. */
  function end(slot: Slot, reason: string): void {
    slot.state = "retiring";
    slots.delete(slot);
    slot.lane.slots.delete(slot);
    slot.host.kill(reason);
  }

  /** What is to be done with a host that has nothing to run any more. */
  function settleSlot(slot: Slot): void {
    if (slot.entries.size > 0) return;
    slot.idleSince = performance.now();
    if (slot.state === "retiring") return slot.host.kill("was ended");
    if (slots.size >= limit) pumpWaiting();
    settleLane(slot.lane);
  }

  /** A lane whose module is no longer used goes when it is empty. */
  function settleLane(lane: Lane): void {
    if (!lane.retired || lane.queue.length > 0) return;
    for (const slot of lane.slots) if (slot.entries.size === 0) end(slot, "was ended: its function was changed");
    if (lane.slots.size === 0) lanes.delete(lane.module);
  }

  function pumpWaiting(): void {
    const waiting = [...lanes.values()].filter(({ queue }) => queue.length > 0);
    const first = ({ queue }: Lane) => queue[0]?.order.id ?? 0;
    for (const lane of waiting.sort((a, b) => first(a) - first(b))) pumpSoon(lane);
  }

  function onEnded(slot: Slot, reason: string): void {
    const { lane } = slot;
    const wasStarting = slot.state === "starting";
    if (slot.startTimer) clearTimeout(slot.startTimer);
    slot.state = "ended";
    slots.delete(slot);
    lane.slots.delete(slot);
    slot.gone.resolve();
    if (closed) return;
    const entries = [...slot.entries.values()];
    slot.entries.clear();
    // What was still in the channel has never begun, and can go to another host.
    const unread = entries.filter((entry) => !entry.received && entry.resent < MAX_RESENT);
    for (const entry of unread) {
      entry.resent++;
      entry.slot = null;
    }
    lane.queue.unshift(...unread);
    const begun = entries.filter((entry) => !unread.includes(entry));
    for (const entry of begun) entry.listener.hostEnded(reason, isCause(slot, entry, begun.length));
    if (wasStarting) {
      // It would be the same with the next one.
      for (const entry of lane.queue.splice(0)) entry.listener.hostEnded(reason, true);
    }
    if (begun.length > 0 || wasStarting)
      onNotice("the process of a module has ended", { module: lane.module.name, reason, executions: begun.length });
    settleLane(lane);
    pumpWaiting();
  }

  function isCause({ culprit }: Slot, { order }: Entry, begun: number): boolean {
    return culprit === null ? begun === 1 : culprit === order.id;
  }

  function watchHosts(): void {
    const now = performance.now();
    for (const slot of slots) {
      if (slot.entries.size > 0) {
        const memory = slot.host.memory();
        if (memory !== null && memory > 2 * memoryMb * 1024 * 1024)
          slot.host.kill(
            `was ended: it used ${Math.round(memory / 1024 / 1024)} MB, at most ${2 * memoryMb} are allowed`,
          );
      } else if (slot.state === "ready" && now - slot.idleSince > IDLE_MS) {
        end(slot, "was ended: it had nothing to do");
      }
    }
  }
}
