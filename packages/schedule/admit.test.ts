import { type OverlapPolicy, overlapPolicy } from "@belfry/contract/policies.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Admission, admit } from "./admit.ts";

type Row = [running: number, held: number, count: number, verdicts: string, cancel?: number, dropHeld?: boolean];

/** One line of a table as it would be with the policy. */
function expectRow(policy: OverlapPolicy, [running, held, count, verdicts, cancel = 0, dropHeld = false]: Row) {
  expect(admit(policy, { running, held }, count)).toEqual({
    verdicts: verdicts === "" ? [] : verdicts.split(" "),
    cancel,
    dropHeld,
  });
}

describe("allow", () => {
  const policy = overlapPolicy.parse({ policy: "allow", max_instances: 1 });

  it.each<Row>([
    [0, 0, 0, ""],
    [0, 0, 1, "run"],
    [1, 0, 1, "run"],
    [7, 0, 3, "run run run"],
    [1, 2, 1, "run"],
  ])("%i running, %i held, %i more: %s", (...row) => expectRow(policy, row));
});

describe("skip", () => {
  it("is the default, with one at a time", () => {
    expectRow(overlapPolicy.parse({}), [0, 0, 2, "run skip"]);
  });

  it.each<Row>([
    [0, 0, 0, ""],
    [0, 0, 1, "run"],
    [0, 0, 3, "run skip skip"],
    [1, 0, 1, "skip"],
    [1, 0, 2, "skip skip"],
    [4, 0, 1, "skip"], // as after an edit of max_instances
    [0, 1, 1, "skip"], // as after an edit of the policy: the one that waits is open too, and goes first
  ])("of one at a time, %i running, %i held, %i more: %s", (...row) =>
    expectRow(overlapPolicy.parse({ policy: "skip" }), row),
  );

  it.each<Row>([
    [0, 0, 2, "run run"],
    [0, 0, 4, "run run run skip"],
    [2, 0, 1, "run"],
    [2, 0, 3, "run skip skip"],
    [3, 0, 1, "skip"],
    [1, 1, 2, "run skip"],
  ])("of three at a time, %i running, %i held, %i more: %s", (...row) =>
    expectRow(overlapPolicy.parse({ policy: "skip", max_instances: 3 }), row),
  );
});

describe("queue", () => {
  it.each<Row>([
    [0, 0, 0, ""],
    [0, 0, 1, "run"],
    [0, 0, 2, "run hold"],
    [0, 0, 4, "run hold hold skip"],
    [1, 0, 1, "hold"],
    [1, 0, 3, "hold hold skip"],
    [1, 1, 1, "hold"],
    [1, 2, 1, "skip"],
    [0, 1, 1, "hold"], // the place is of the one that waits, though it has not gone yet
    [0, 2, 1, "skip"],
    [4, 0, 1, "hold"],
    [1, 5, 1, "skip"], // as after an edit of max_queued
  ])("of two behind one, %i running, %i held, %i more: %s", (...row) =>
    expectRow(overlapPolicy.parse({ policy: "queue", max_queued: 2 }), row),
  );

  it.each<Row>([
    [0, 0, 3, "run run run"],
    [0, 0, 6, "run run run hold hold skip"],
    [2, 0, 2, "run hold"],
    [3, 0, 3, "hold hold skip"],
    [3, 1, 2, "hold skip"],
    [1, 1, 2, "run hold"],
    [0, 2, 2, "run skip"],
  ])("of two behind three, %i running, %i held, %i more: %s", (...row) =>
    expectRow(overlapPolicy.parse({ policy: "queue", max_instances: 3, max_queued: 2 }), row),
  );

  it("holds ten at most, unless told otherwise", () => {
    const { verdicts } = admit(overlapPolicy.parse({ policy: "queue" }), { running: 1, held: 0 }, 12);
    expect(verdicts).toEqual([...Array(10).fill("hold"), "skip", "skip"]);
  });
});

describe("cancel_running", () => {
  it.each<Row>([
    [0, 0, 0, ""],
    [1, 0, 0, ""],
    [2, 2, 0, ""], // nothing comes: nothing makes place
    [0, 0, 1, "run"],
    [0, 0, 3, "skip skip run"],
    [1, 0, 1, "hold", 1],
    [1, 0, 3, "skip skip hold", 1],
    [1, 1, 1, "hold", 1, true], // the running one has been told to stop for the sake of the one that waits
    [0, 1, 1, "run", 0, true],
    [3, 0, 1, "hold", 3], // as after an edit of max_instances: it could not go before the last of them has ended
  ])("of one at a time, %i running, %i held, %i more: %s, cancels %i", (...row) =>
    expectRow(overlapPolicy.parse({ policy: "cancel_running" }), row),
  );

  it.each<Row>([
    [0, 0, 2, "run run"],
    [0, 0, 4, "skip run run run"],
    [2, 0, 1, "run"],
    [2, 0, 2, "run hold", 1],
    [3, 0, 1, "hold", 1],
    [3, 0, 3, "hold hold hold", 3],
    [1, 0, 5, "skip skip run run hold", 1],
    [3, 1, 1, "hold", 2], // two of the running make place: one for the one that waits, one for the one that comes
    [2, 1, 1, "hold", 1],
    [1, 1, 1, "run"],
    [3, 3, 1, "hold", 1, true],
    [3, 1, 3, "hold hold hold", 3, true],
  ])("of three at a time, %i running, %i held, %i more: %s, cancels %i", (...row) =>
    expectRow(overlapPolicy.parse({ policy: "cancel_running", max_instances: 3 }), row),
  );
});

const policies = fc.record({
  policy: fc.constantFrom<OverlapPolicy["policy"]>("skip", "queue", "cancel_running", "allow"),
  max_instances: fc.integer({ min: 1, max: 4 }),
  max_queued: fc.integer({ min: 1, max: 4 }),
});
/** More are open than the policy has places for, where it was another one a moment ago. */
const open = fc.record({ running: fc.nat(7), held: fc.nat(7) });
const number = (admission: Admission, verdict: string) => admission.verdicts.filter((v) => v === verdict).length;

describe("any admission", () => {
  it("gives each its verdict, and none more places than there are", () => {
    fc.assert(
      fc.property(policies, open, fc.nat(8), (policy, { running, held }, count) => {
        const admission = admit(policy, { running, held }, count);
        expect(admission.verdicts).toHaveLength(count);
        if (policy.policy === "allow") return;
        const stillHeld = admission.dropHeld ? 0 : held;
        const runs = number(admission, "run");
        if (runs > 0) expect(running + stillHeld + runs).toBeLessThanOrEqual(policy.max_instances);
      }),
      { numRuns: 1_000 },
    );
  });

  it("changes nothing when nothing comes, and cancels or drops by cancel_running alone", () => {
    fc.assert(
      fc.property(policies, open, fc.nat(8), (policy, now, count) => {
        expect(admit(policy, now, 0)).toEqual({ verdicts: [], cancel: 0, dropHeld: false });
        if (policy.policy === "cancel_running") return;
        expect(admit(policy, now, count)).toMatchObject({ cancel: 0, dropHeld: false });
      }),
    );
  });

  it("of a queue keeps the order, lets nothing past those that wait, and wastes no place", () => {
    fc.assert(
      fc.property(policies, open, fc.nat(8), (settings, { running, held }, count) => {
        const policy: OverlapPolicy = { ...settings, policy: "queue" };
        const admission = admit(policy, { running, held }, count);
        const [runs, holds, skips] = ["run", "hold", "skip"].map((verdict) => number(admission, verdict));
        expect(admission.verdicts).toEqual([...admission.verdicts].sort(byTurn));
        // As if those that wait had come with these.
        const free = Math.max(0, policy.max_instances - running);
        expect(runs).toBe(Math.min(count, Math.max(0, free - held)));
        expect(holds === 0 || held + (holds ?? 0) <= policy.max_queued).toBe(true);
        if (skips !== 0) expect(held + (holds ?? 0)).toBeGreaterThanOrEqual(policy.max_queued);
      }),
      { numRuns: 1_000 },
    );
  });

  it("of cancel_running keeps the latest, and all that it keeps fit once the cancelled have ended", () => {
    fc.assert(
      fc.property(policies, open, fc.integer({ min: 1, max: 8 }), (settings, { running, held }, count) => {
        const policy: OverlapPolicy = { ...settings, policy: "cancel_running" };
        const { verdicts, cancel, dropHeld } = admit(policy, { running, held }, count);
        const names = (kind: string, n: number) => Array.from({ length: n }, (_, i) => `${kind} ${i}`);
        const runningNow = names("running", running);
        const waiting = dropHeld ? [] : names("held", held);
        const coming = names("new", count);

        expect(cancel).toBeLessThanOrEqual(running);
        const kept = [...runningNow.slice(cancel), ...waiting, ...coming.filter((_, i) => verdicts[i] !== "skip")];
        expect(kept).toEqual([...runningNow, ...waiting, ...coming].slice(-policy.max_instances));
        // Those that wait are dropped only if not all of them have a place beside those that come.
        expect(dropHeld).toBe(held > 0 && held + Math.min(count, policy.max_instances) > policy.max_instances);
        expect(verdicts.join(" ")).toMatch(/^(skip ?)*(run ?)*(hold ?)*$/);
      }),
      { numRuns: 1_000 },
    );
  });
});

const TURNS = ["run", "hold", "skip"];
const byTurn = (a: string, b: string) => TURNS.indexOf(a) - TURNS.indexOf(b);

/** A job through time: executions come, end in any order, and those that wait go when there is a place. */
type Event = { come: number } | { end: number } | "release";
const events = fc.array(
  fc.oneof(
    fc.record({ come: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ end: fc.nat(10) }),
    fc.constant<Event>("release"),
  ),
  { maxLength: 40 },
);

function live(policy: OverlapPolicy, happens: readonly Event[]) {
  const job = { running: [] as number[], held: [] as number[], cancelled: new Set<number>() };
  const started: number[] = [];
  const skipped: number[] = [];
  let made = 0;
  const start = (execution: number) => {
    job.running.push(execution);
    started.push(execution);
    if (policy.policy !== "allow") expect(job.running.length).toBeLessThanOrEqual(policy.max_instances);
  };
  const release = () => {
    while (job.held.length > 0 && job.running.length < policy.max_instances) start(job.held.shift() as number);
  };
  const come = (count: number) => {
    const { verdicts, cancel, dropHeld } = admit(policy, { running: job.running.length, held: job.held.length }, count);
    if (dropHeld) skipped.push(...job.held.splice(0));
    for (const oldest of job.running.slice(0, cancel)) job.cancelled.add(oldest);
    for (const verdict of verdicts) {
      const execution = made++;
      if (verdict === "run") start(execution);
      else (verdict === "hold" ? job.held : skipped).push(execution);
    }
    if (policy.policy === "queue") expect(job.held.length).toBeLessThanOrEqual(policy.max_queued);
  };
  for (const event of happens) {
    if (event === "release") release();
    else if ("come" in event) come(event.come);
    else job.running.splice(event.end % Math.max(1, job.running.length), 1);
  }
  while (job.held.length > 0) {
    job.running.length = 0;
    release();
  }
  return { made, started, skipped, cancelled: job.cancelled };
}

describe("a job through time", () => {
  it("has each execution started or skipped, in order if one at a time, and never more running than it may", () => {
    fc.assert(
      fc.property(policies, events, (policy, happens) => {
        const { made, started, skipped } = live(policy, happens);
        expect([...started, ...skipped].sort((a, b) => a - b)).toEqual(Array.from({ length: made }, (_, i) => i));
        if (policy.max_instances === 1) expect(started).toEqual([...started].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  it("with cancel_running has its latest execution started and never cancelled", () => {
    fc.assert(
      fc.property(policies, events, (settings, happens) => {
        const { made, started, cancelled } = live({ ...settings, policy: "cancel_running" }, happens);
        if (made === 0) return;
        expect(started).toContain(made - 1);
        expect(cancelled.has(made - 1)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
