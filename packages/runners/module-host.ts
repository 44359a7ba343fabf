/**
 * A host: the process, a child of a worker, in which executions of one module run. Arguments: the module's file and
 * its name. It ends when the worker does.
 */
import type { Progress } from "@belfry/contract/execution.ts";
import { describeThrown } from "./describe-thrown.ts";
import type {
  AttemptReport,
  BatchToHost,
  CodeToHost,
  FromHost,
  HostEvent,
  Order,
  Stage,
  ToHost,
} from "./host-messages.ts";
import { replayCode } from "./module-code.ts";
import { offerOwnPackage } from "./own-package.ts";
import { PhaseFailure } from "./phase-failure.ts";
import { readDefinition } from "./read-definition.ts";
import { runAttempt } from "./run-attempt.ts";
import { firstBytes, toStorableText } from "./storable-text.ts";

/** Progress is for people: once in this many milliseconds is enough, and with the verdict. */
const PROGRESS_MS = 1000;
const HEARTBEAT_MS = 50;
const PROGRESS_TEXT_BYTES = 1000;

const [, , file, name] = process.argv as [string, string, string, string];
process.title = `belfry module ${name}`;
// The module has no business with the channel.
const channel = process.send?.bind(process) as (message: FromHost, ...more: unknown[]) => boolean;
delete process.send;
const send = (message: FromHost) => channel(message, undefined, undefined, () => undefined);

type Attempt = {
  stage: Stage;
  report: AttemptReport;
  stop: AbortController;
  go: PromiseWithResolvers<void>;
  changed: boolean;
  beat: boolean;
  beatAt: number;
  progress: Progress | null;
  progressAt: number;
  progressTimer: NodeJS.Timeout | null;
};
const attempts = new Map<number, Attempt>();
/** The batch that came last, and the last one of which everything has begun. */
let lastSeq = 0;
let begunSeq = 0;
let flushing = false;
let ending = "";

process.on("uncaughtException", (thrown) => {
  ending = `threw where nobody catches it: ${describeThrown(thrown)}`;
  process.exit(1);
});
// A module's own handler would keep the process from ending, so ours comes with its own verdict.
process.on("exit", (code) => {
  tell();
  send({ ending: ending || `called process.exit(${code})` });
});
process.on("disconnect", () => process.exit(0));

const { code } = await new Promise<CodeToHost>((resolve) => process.once("message", resolve));
offerOwnPackage();
replayCode(code);
const module = await readDefinition(file);
if (typeof module === "string" || module.name !== name) {
  send({ failed: typeof module === "string" ? module : `its function is now named ${JSON.stringify(module.name)}` });
} else {
  process.on("message", ({ seq, items }: BatchToHost) => {
    send({ received: seq });
    lastSeq = seq;
    for (const item of items) take(item);
    flushSoon();
  });
  send({ ready: true });
}

function take(item: ToHost): void {
  if ("run" in item) return start(item.run);
  const attempt = attempts.get("go" in item ? item.go : item.stop);
  if (!attempt) return; // it has ended meanwhile
  if ("stop" in item) attempt.stop.abort(new PhaseFailure(item.code, item.message, { retryable: true }));
  attempt.go.resolve();
}

function start(order: Order): void {
  const attempt: Attempt = {
    stage: "check",
    report: null as unknown as AttemptReport,
    stop: new AbortController(),
    go: Promise.withResolvers<void>(),
    changed: false,
    beat: false,
    beatAt: 0,
    progress: null,
    progressAt: 0,
    progressTimer: null,
  };
  attempts.set(order.id, attempt);
  const onStage = (stage: Stage, report: AttemptReport) => {
    Object.assign(attempt, { stage, report, changed: true });
    // Should the process be killed in the middle of it, the worker has to know that there is something to roll back.
    if (stage === "perform" && report.performPayload) tell();
    else flushSoon();
  };
  void runAttempt(module as Exclude<typeof module, string>, order, {
    signal: attempt.stop.signal,
    ask: () => attempt.go.promise,
    onStage,
    onHeartbeat() {
      const now = performance.now();
      if (now - attempt.beatAt < HEARTBEAT_MS) return;
      attempt.beatAt = now;
      attempt.beat = true;
      flushSoon();
    },
    onProgress: (percent, text) => noteProgress(attempt, percent, text),
  }).then((report) => onStage("over", report));
}

function noteProgress(attempt: Attempt, percent: unknown, text: unknown): void {
  const number = Number(percent);
  attempt.progress = {
    percent: Number.isFinite(number) ? Math.min(100, Math.max(0, number)) : 0,
    text: firstBytes(toStorableText(String(text)), PROGRESS_TEXT_BYTES),
    at: new Date().toISOString(),
  };
  attempt.progressTimer ??= setTimeout(
    flushSoon,
    Math.max(0, attempt.progressAt + PROGRESS_MS - performance.now()),
  ).unref();
}

/** After the events of this turn: what an attempt of an empty function has to say is then said in one go. */
function flushSoon(): void {
  if (flushing) return;
  flushing = true;
  setImmediate(flush);
}

function flush(): void {
  flushing = false;
  begunSeq = lastSeq;
  tell();
}

function tell(): void {
  const events: HostEvent[] = [];
  const now = performance.now();
  for (const [id, attempt] of attempts) {
    const over = attempt.stage === "over";
    const tellProgress = attempt.progress !== null && (over || now - attempt.progressAt >= PROGRESS_MS - 1);
    if (!attempt.changed && !attempt.beat && !tellProgress) continue;
    const { stage, report } = attempt;
    events.push({
      id,
      stage,
      report,
      ...(attempt.beat && { beat: true as const }),
      ...(tellProgress && attempt.progress && { progress: attempt.progress }),
    });
    attempt.changed = false;
    attempt.beat = false;
    if (tellProgress) {
      attempt.progress = null;
      attempt.progressAt = now;
      if (attempt.progressTimer) clearTimeout(attempt.progressTimer);
      attempt.progressTimer = null;
    }
    if (over) {
      if (attempt.progressTimer) clearTimeout(attempt.progressTimer);
      attempts.delete(id);
    }
  }
  send({ began: begunSeq, events });
}
