import { describe, expect, it } from "vitest";
import { check } from "./check.ts";
import type { CallRecord, History, LedgerRow } from "./history.ts";

const START = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
const JOB = "job-a";
const at = (seconds: number): number => START + seconds * 1_000;
const iso = (instant: number): string => new Date(instant).toISOString();

/** A job of every second that ran at 1, 2 and 3 s, was paused at 3.5 s, and nothing is wrong. */
function soundHistory(): History {
  const rows = [1, 2, 3].map(scheduledRow);
  return {
    calls: [created(), changed({ op: "pause" }, 3.5)],
    rows,
    attempts: [],
    jobs: [
      {
        id: JOB,
        status: "paused",
        enabled: true,
        deleted: false,
        pausedReason: null,
        runCount: 3,
        maxRuns: 0,
        autoPauseAfter: 0,
        autoPausedAt: null,
      },
    ],
    rewritten: [],
    faults: [],
    exits: [],
    crashes: [],
    effects: rows.flatMap((row) => [effect(row, "check", 0.02), effect(row, "perform", 0.03)]),
    endedAt: at(10),
  };
}

function created(wish: object = {}): CallRecord {
  const call = {
    op: "create",
    wish: {
      schedule: "@every 1s",
      timezone: "UTC",
      max_runs: 0,
      enabled: true,
      misfire: { policy: "skip", grace_ms: 5_000, max_runs: 100, max_age_ms: 60_000 },
      overlap: { policy: "skip", max_instances: 1, max_queued: 1 },
      retry: { attempts: 3, backoff_ms: 0, max_backoff_ms: 0, jitter: 0 },
      delivery: "at_least_once",
      ...wish,
    },
  } as CallRecord["call"];
  return { ...changed(call, 0), answer: { ...answer(0), created_at: iso(at(0)), next_run: iso(at(1)) } };
}

function changed(call: CallRecord["call"], seconds: number): CallRecord {
  return {
    job: 0,
    call,
    invokedAt: at(seconds) - 5,
    returnedAt: at(seconds) + 5,
    status: 200,
    unknownTries: 0,
    answer: answer(seconds),
    executionId: null,
    settledAt: null,
  };
}

function answer(seconds: number): NonNullable<CallRecord["answer"]> {
  const created_at = iso(at(0));
  return { id: JOB, status: "active", enabled: true, next_run: null, created_at, updated_at: iso(at(seconds)) };
}

function scheduledRow(seconds: number): LedgerRow {
  return {
    id: `execution-${seconds}`,
    jobId: JOB,
    trigger: "schedule",
    scheduledFor: at(seconds),
    scheduledUntil: at(seconds),
    occurrences: 1,
    status: "success",
    skipReason: null,
    attempt: 1,
    worker: "worker-1",
    dispatch: 1,
    errorCode: null,
    createdAt: at(seconds) + 5,
    startedAt: at(seconds) + 10,
    completedAt: at(seconds) + 40,
  };
}

function effect({ id, jobId, attempt, scheduledFor }: LedgerRow, phase: "check" | "perform", seconds: number) {
  const sentAt = scheduledFor + seconds * 1_000;
  return { executionId: id, attempt, phase, jobId, scheduledFor, at: sentAt, answeredAt: sentAt + 1 };
}

function skipped(row: LedgerRow, skipReason: string): void {
  Object.assign(row, { status: "skipped", skipReason, worker: null, startedAt: null, completedAt: row.createdAt });
}

/** The rules that are broken once the sound history was spoilt. */
function rulesBroken(spoil: (history: History, rows: [LedgerRow, LedgerRow, LedgerRow]) => void): string[] {
  const history = soundHistory();
  spoil(history, history.rows as [LedgerRow, LedgerRow, LedgerRow]);
  return [...new Set(check(history).violations.map(({ rule }) => rule))].sort();
}

describe("the checker", () => {
  it("finds nothing where nothing is wrong", () => {
    expect(check(soundHistory())).toEqual({
      violations: [],
      planned: 3,
      uncertain: 0,
      beyondLimit: 0,
      doubles: 0,
      explained: 0,
    });
  });

  it.each<[string, string[], Parameters<typeof rulesBroken>[0]]>([
    [
      "an occurrence that is not there",
      ["lost"],
      (history) => {
        history.rows.splice(1, 1);
        history.effects.splice(2, 2);
        runCount(history, 2);
      },
    ],
    [
      "an occurrence that is there twice",
      ["duplicate", "overlap"],
      (history, [row]) => {
        const twin = { ...row, id: "twin" };
        history.rows.push(twin);
        history.effects.push(effect(twin, "check", 0.02), effect(twin, "perform", 0.03));
        runCount(history, 4);
      },
    ],
    [
      "an instant that nobody planned",
      ["lost", "unplanned"],
      (_, [, row]) => {
        row.scheduledFor += 0.5;
        row.scheduledUntil = row.scheduledFor;
      },
    ],
    [
      "a range that counts wrong",
      ["range"],
      (_, [row]) => {
        skipped(row, "misfire");
        Object.assign(row, { occurrences: 2, createdAt: at(60), completedAt: at(60) });
      },
    ],
    [
      "an execution that never ends",
      ["not final"],
      (_, [, , row]) => {
        Object.assign(row, { status: "running", completedAt: null });
      },
    ],
    [
      "an attempt without a record",
      ["attempts", "ghost"],
      (_, [row]) => {
        row.attempt = 2;
      },
    ],
    [
      "an attempt that began before the last had ended",
      ["attempts"],
      (history, [row]) => {
        retried(history, row, "failed");
        (history.attempts[0] as { endedAt: number }).endedAt = (row.startedAt as number) + 1;
      },
    ],
    [
      "a call that came twice",
      ["effect twice"],
      (history, [row]) => history.effects.push(effect(row, "perform", 0.04)) && undefined,
    ],
    [
      "a call of an execution that is not there",
      ["ghost"],
      (history, [row]) => history.effects.push({ ...effect(row, "check", 0.02), executionId: "nobody" }) && undefined,
    ],
    [
      "a call before the claim",
      ["ghost"],
      (_, [row]) => {
        row.startedAt = row.scheduledFor + 35;
      },
    ],
    [
      "a start before its time",
      ["early"],
      (_, [row]) => {
        row.startedAt = row.scheduledFor - 2;
      },
    ],
    [
      "a call before its time",
      ["early", "ghost"],
      (history) => {
        (history.effects[0] as { at: number }).at = at(1) - 20;
      },
    ],
    [
      "a second perform without a reason",
      ["attempts", "ghost", "unexplained double"],
      (history, [row]) => {
        row.attempt = 2;
        history.effects.push(effect(row, "perform", 0.035));
      },
    ],
    [
      "a lost at-most-once run that was run again",
      ["at most once"],
      (history, [row]) => {
        history.calls[0] = created({ delivery: "at_most_once" });
        retried(history, row, "lost");
      },
    ],
    ["a success that never happened", ["success without effect"], (history) => void history.effects.splice(0, 2)],
    [
      "a skip that happened",
      ["run count", "skipped with effect"],
      (_, [row]) => {
        Object.assign(row, { status: "skipped", skipReason: "check_declined" });
      },
    ],
    [
      "a start after the pause had returned",
      ["after stop"],
      (_, [, , row]) => {
        Object.assign(row, { startedAt: at(3.6), completedAt: at(4) });
      },
    ],
    [
      "a perform after the pause and a long check",
      ["after stop"],
      (history, [, , row]) => {
        row.completedAt = at(4);
        Object.assign(history.effects[4] as object, { at: at(3.4), answeredAt: at(3.7) });
        Object.assign(history.effects[5] as object, { at: at(3.71), answeredAt: at(3.72) });
      },
    ],
    [
      "two at once where one may run",
      ["overlap"],
      (_, [row]) => {
        row.completedAt = at(2.02);
      },
    ],
    [
      "an overlap with nobody",
      ["overlap", "run count", "skipped with effect"],
      (_, rows) => {
        for (const row of rows) skipped(row, "overlap");
      },
    ],
    [
      "a misfire within the grace",
      ["misfire", "run count", "skipped with effect"],
      (_, [row]) => skipped(row, "misfire"),
    ],
    [
      "a late run that was to be skipped",
      ["after stop", "ghost", "misfire"],
      (_, [row]) => {
        Object.assign(row, { createdAt: at(8), startedAt: at(8), completedAt: at(9) });
      },
    ],
    ["a wrong run count", ["run count"], (history) => runCount(history, 2)],
    [
      "more runs than there may be",
      ["max runs"],
      (history) => {
        (history.jobs[0] as { maxRuns: number }).maxRuns = 2;
      },
    ],
    ["a job that is gone", ["write lost"], (history) => void history.jobs.pop()],
    [
      "a pause that is gone",
      ["write lost"],
      (history) => {
        (history.jobs[0] as { status: string }).status = "active";
      },
    ],
    [
      "a manual run that is gone",
      ["write lost"],
      (history) => {
        history.calls.push({ ...changed({ op: "run" }, 3), executionId: "gone" });
      },
    ],
    [
      "a manual run that nobody asked for",
      ["run count", "unasked run"],
      (history, [row]) => {
        history.rows.push({
          ...row,
          id: "manual",
          trigger: "manual",
          status: "cancelled",
          worker: null,
          startedAt: null,
        });
      },
    ],
    [
      "a verdict that was written over",
      ["final changed"],
      (history, [row]) => {
        history.rewritten.push({ executionId: row.id, was: "failed", became: "success" });
      },
    ],
    ["a lost worker whom nobody had hurt", ["lost without cause"], (history, [row]) => retried(history, row, "lost")],
    [
      "starts that are late where nobody was hurt",
      ["late"],
      (history) => {
        for (let n = 4; n < 60; n++) {
          const row = scheduledRow(n);
          history.rows.push({ ...row, startedAt: row.scheduledFor + 3_001, completedAt: row.scheduledFor + 3_002 });
        }
      },
    ],
    [
      "a call that never got an answer",
      ["no answer"],
      (history) => {
        history.calls.push({ ...changed({ op: "resume" }, 9), returnedAt: Number.POSITIVE_INFINITY, status: 0 });
      },
    ],
  ])("finds %s", (_, rules, spoil) => {
    const broken = rulesBroken(spoil);
    for (const rule of rules) expect(broken).toContain(rule);
  });

  it("explains a second perform by the attempt that failed before it", () => {
    const history = soundHistory();
    retried(history, history.rows[0] as LedgerRow, "failed");
    expect(check(history)).toMatchObject({ violations: [], doubles: 1, explained: 1 });
  });

  it("sees that Postgres has crashed, whatever became of the ledger", () => {
    const history = soundHistory();
    history.crashes.push("server process (PID 7) was terminated by signal 11: Segmentation fault");
    expect(check(history).violations.map(({ rule }) => rule)).toEqual(["postgres crash"]);
  });

  it("finds a cause for a lost worker in a fault a little earlier, and in the end of a worker", () => {
    const history = soundHistory();
    retried(history, history.rows[0] as LedgerRow, "lost");
    const fault = { at: 0, kind: "worker-kill", index: 0, durationMs: 0 } as const;
    history.faults.push({ fault, begunAt: at(-15), endedAt: at(-15), error: null });
    expect(check(history).violations).toEqual([]);
    history.faults = [];
    history.exits.push({ name: "worker-1", at: at(1) });
    expect(check(history).violations).toEqual([]);
    history.exits = [{ name: "worker-1", at: at(2) }];
    expect(check(history).violations.map(({ rule }) => rule)).toEqual(["lost without cause"]);
  });

  it("takes policies for what they were when a row was written", () => {
    const history = soundHistory();
    const misfire = { policy: "run_all", grace_ms: 0, max_runs: 100, max_age_ms: 60_000 } as const;
    history.calls.splice(1, 0, changed({ op: "patch", patch: { misfire } }, 1.5));
    expect(check(history).violations).toMatchObject([]);
    const row = history.rows[2] as LedgerRow;
    skipped(row, "misfire");
    runCount(history, 2);
    history.effects.splice(4, 2);
    expect(check(history).violations.map(({ what }) => what)).toEqual([expect.stringContaining("was left out")]);
  });

  describe("of a sweep after an outage", () => {
    /** All three were written at 8 s: 7, 6 and 5 s late. */
    function afterOutage(misfire: object, ran: readonly number[]): string[] {
      const history = soundHistory();
      const policy = { policy: "run_once", grace_ms: 500, max_runs: 2, max_age_ms: 60_000, ...misfire };
      history.calls = [created({ misfire: policy, overlap: { policy: "allow", max_instances: 1, max_queued: 1 } })];
      history.calls.push(changed({ op: "pause" }, 8.3));
      for (const [i, row] of history.rows.entries()) {
        if (!ran.includes(i + 1)) skipped(row, "misfire");
        else Object.assign(row, { startedAt: at(8.02), completedAt: at(8.1) });
        Object.assign(row, { createdAt: at(8) }, ran.includes(i + 1) ? {} : { completedAt: at(8) });
      }
      return check(history)
        .violations.filter(({ rule }) => rule === "misfire")
        .map(({ what }) => what);
    }

    it.each<[object, number[]]>([
      [{ policy: "skip" }, []],
      [{ policy: "run_once" }, [3]],
      [{ policy: "run_all" }, [2, 3]],
      [{ policy: "run_all", max_runs: 5 }, [1, 2, 3]],
      [{ policy: "run_all", max_age_ms: 5_500 }, [3]],
      [{ policy: "run_once", grace_ms: 5_500 }, [3]],
      [{ policy: "skip", grace_ms: 6_500 }, [2, 3]],
    ])("under %o finds nothing where %o ran", (misfire, ran) => {
      expect(afterOutage(misfire, ran)).toEqual([]);
    });

    it.each<[object, number[]]>([
      [{ policy: "skip" }, [3]],
      [{ policy: "run_once" }, []],
      [{ policy: "run_once" }, [1]],
      [{ policy: "run_once" }, [2, 3]],
      [{ policy: "run_once", grace_ms: 5_500 }, [2, 3]],
      [{ policy: "run_all" }, [3]],
      [{ policy: "run_all" }, [1, 2]],
      [{ policy: "run_all" }, [1, 2, 3]],
      [{ policy: "run_all", max_age_ms: 5_500 }, [2, 3]],
      [{ policy: "skip", grace_ms: 6_500 }, [3]],
    ])("under %o finds fault where %o ran", (misfire, ran) => {
      expect(afterOutage(misfire, ran)).not.toEqual([]);
    });
  });

  describe("of a job that failures are to pause", () => {
    function failing(statuses: readonly LedgerRow["status"][], paused: Partial<History["jobs"][0]>): string[] {
      const history = soundHistory();
      history.calls = [created({ auto_pause_after: 2 })];
      for (const [i, row] of history.rows.entries()) row.status = statuses[i] as LedgerRow["status"];
      Object.assign(history.jobs[0] as object, { status: "active", autoPauseAfter: 2, ...paused });
      history.endedAt = at(60);
      return check(history)
        .violations.filter(({ rule }) => rule === "auto-pause")
        .map(({ what }) => what);
    }
    const pausedAt = (seconds: number) => ({
      status: "paused" as const,
      autoPausedAt: at(seconds),
      pausedReason: "auto_pause_after: 2 executions",
    });

    it("finds nothing where it was paused after two, or has not failed twice in a row", () => {
      expect(failing(["success", "failed", "failed"], pausedAt(3.5))).toEqual([]);
      expect(failing(["failed", "failed", "success"], {})).toEqual([]);
    });

    it("finds a pause that came too early, has no reason, or never came", () => {
      expect(failing(["failed", "success", "failed"], pausedAt(3.5))).toEqual([expect.stringContaining("before 2")]);
      expect(failing(["failed", "failed", "failed"], { ...pausedAt(3.5), pausedReason: null })).toHaveLength(1);
      expect(failing(["failed", "failed", "failed"], {})).toEqual([expect.stringContaining("not paused")]);
    });
  });

  it("counts an interval from the last of the tries that changed it", () => {
    const history = soundHistory();
    history.calls = [created({ schedule: "* * * * * *" })];
    // Nobody heard when; then there was no next run any more that would tell.
    const patch = changed({ op: "patch", patch: { schedule: "@every 1s", max_runs: 3 } }, 0.1);
    history.calls.push({ ...patch, unknownTries: 2, returnedAt: at(0.2), settledAt: at(0.15) });
    for (const row of history.rows) {
      Object.assign(row, { scheduledFor: row.scheduledFor + 150, scheduledUntil: row.scheduledFor + 150 });
      for (const one of history.effects) if (one.executionId === row.id) one.scheduledFor = row.scheduledFor;
    }
    const { violations } = check(history);
    expect(violations.filter(({ rule }) => rule === "unplanned")).toEqual([]);
  });

  it("holds what waited against the policy that let it go", () => {
    const history = soundHistory();
    history.calls[0] = created({ overlap: { policy: "cancel_running", max_instances: 1, max_queued: 1 } });
    (history.rows[0] as LedgerRow).completedAt = at(2.5);
    expect(check(history).violations.map(({ rule }) => rule)).toEqual(["overlap"]);
    const overlap = { policy: "allow", max_instances: 1, max_queued: 1 } as const;
    history.calls.splice(1, 0, changed({ op: "patch", patch: { overlap } }, 1.9));
    (history.rows[1] as LedgerRow).createdAt = at(1.8);
    expect(check(history).violations).toEqual([]);
  });

  it("finds one more waiting than may wait", () => {
    const history = soundHistory();
    history.calls[0] = created({ overlap: { policy: "queue", max_instances: 1, max_queued: 1 } });
    const waitingFrom = at(1.1);
    for (const row of history.rows) Object.assign(row, { createdAt: waitingFrom, completedAt: at(9) });
    const overlaps = check(history).violations.filter(({ what }) => what.includes("one of 3 open"));
    expect(overlaps).toHaveLength(1);
  });

  it("finds a fourth attempt after three lost ones", () => {
    const history = soundHistory();
    const row = history.rows[0] as LedgerRow;
    for (const attempt of [1, 2, 3])
      history.attempts.push({ executionId: row.id, attempt, outcome: "lost", worker: "w", startedAt: 0, endedAt: 0 });
    row.attempt = 4;
    expect(check(history).violations.map(({ rule }) => rule)).toContain("lost too often");
  });

  it("knows a range of misfires", () => {
    const history = soundHistory();
    const [first] = history.rows.splice(0, 2) as [LedgerRow, LedgerRow];
    skipped(first, "misfire");
    history.rows.push({ ...first, occurrences: 2, scheduledUntil: at(2), createdAt: at(8), completedAt: at(8) });
    history.effects.splice(0, 4);
    runCount(history, 1);
    expect(check(history)).toMatchObject({ violations: [], planned: 3 });
  });

  it("lets the plan end where the runs do", () => {
    const history = soundHistory();
    history.calls[0] = created({ max_runs: 2 });
    Object.assign(history.jobs[0] as object, { maxRuns: 2, runCount: 2 });
    history.rows.pop();
    history.effects.splice(4, 2);
    expect(check(history)).toMatchObject({ violations: [], beyondLimit: 1 });
    (history.rows[0] as LedgerRow).status = "skipped";
    expect(check(history).violations.map(({ rule }) => rule)).toContain("lost");
  });

  it("leaves open what lies between the beginning and the end of a change", () => {
    const history = soundHistory();
    const pause = history.calls[1] as CallRecord;
    // Answered so late that the occurrence at 4 s may lie on either side.
    Object.assign(pause, { returnedAt: at(4.2), unknownTries: 1, settledAt: at(4.1) });
    expect(check(history).violations).toEqual([]);
    const row = scheduledRow(4);
    skipped(row, "paused");
    history.rows.push(row);
    expect(check(history)).toMatchObject({ violations: [], uncertain: 1 });
  });
});

function runCount(history: History, count: number): void {
  (history.jobs[0] as { runCount: number }).runCount = count;
}

/** Makes the row's only attempt its second one. */
function retried(history: History, row: LedgerRow, outcome: "failed" | "lost"): void {
  history.attempts.push({
    executionId: row.id,
    attempt: 1,
    outcome,
    worker: "worker-2",
    startedAt: row.scheduledFor + 10,
    endedAt: row.scheduledFor + 32,
  });
  Object.assign(row, { attempt: 2, startedAt: row.scheduledFor + 33 });
  history.effects.push({ ...effect(row, "perform", 0.035), attempt: 2 });
}
