import { setTimeout as sleep } from "node:timers/promises";
import type { Call, CallRecord, JobAnswer } from "./history.ts";
import { type FunctionName, ONCE_PREFIX, type PlannedCall } from "./plan-calls.ts";

export type ClientTools = {
  apiUrl: string;
  key: string;
  functionIds: Record<FunctionName, string>;
  /** Wall clock at the beginning of the run. */
  startedAt: number;
  log: (line: object) => void;
};

/** How long a call may take before its outcome counts as unknown. */
const CALL_TIMEOUT_MS = 15_000;
const REPEAT_MS = 300;
/** After this nothing of a call whose answer was lost can still be under way in the API. */
const SETTLE_MS = 22_000;
/** A call that got no clear answer in this time never gets one. */
const GIVE_UP_MS = 90_000;

export type Client = {
  /** Makes a call when those before it on the same job have ended. */
  make(planned: PlannedCall): void;
  /** Resolves when every call has its answer. */
  idle(): Promise<void>;
  records: CallRecord[];
};

/** Makes calls as a careful client does: one at a time for a job, and again until the answer is clear. */
export function createClient(tools: ClientTools): Client {
  const records: CallRecord[] = [];
  const jobs = new Map<number, { last: Promise<void>; id: string | null }>();
  let runs = 0;

  function make({ job: ordinal, call, function: fn }: PlannedCall): void {
    const job = jobs.get(ordinal) ?? { last: Promise.resolve(), id: null };
    jobs.set(ordinal, job);
    job.last = job.last.then(async () => {
      const record = await perform(ordinal, resolve(call, tools.startedAt), job.id, fn);
      if (record === null) return;
      if (call.op === "create") job.id = record.answer?.id ?? null;
      records.push(record);
      tools.log(record);
    });
  }

  async function perform(
    ordinal: number,
    call: Call,
    jobId: string | null,
    fn?: FunctionName,
  ): Promise<CallRecord | null> {
    if (call.op !== "create" && jobId === null) return null;
    const jobPath = `/automation/jobs/${jobId}`;
    switch (call.op) {
      case "create": {
        const body = {
          ...call.wish,
          name: `job ${ordinal}`,
          function_id: tools.functionIds[fn as FunctionName],
          payload: { job: ordinal },
        };
        return untilClear(ordinal, call, {
          method: "POST",
          path: "/automation/jobs",
          body,
          idempotencyKey: `job-${ordinal}`,
        });
      }
      case "patch":
        return settled(await untilClear(ordinal, call, { method: "PATCH", path: jobPath, body: call.patch }), jobPath);
      case "pause":
      case "resume":
        return settled(await untilClear(ordinal, call, { method: "POST", path: `${jobPath}/${call.op}` }), jobPath);
      case "delete":
        return settled(await untilClear(ordinal, call, { method: "DELETE", path: jobPath }), jobPath);
      case "run":
        return untilClear(ordinal, call, { method: "POST", path: `${jobPath}/run`, idempotencyKey: `run-${++runs}` });
      case "cancel": {
        const found = await request({ method: "GET", path: `${jobPath}/executions?limit=5` });
        const open = asList(found.body).find(({ status }) => status === "pending" || status === "running");
        return open
          ? untilClear(ordinal, call, { method: "POST", path: `/automation/executions/${open.id}/cancel` })
          : null;
      }
    }
  }

  async function untilClear(ordinal: number, call: Call, wanted: Wanted): Promise<CallRecord> {
    const invokedAt = Date.now();
    for (let unknownTries = 0; ; unknownTries++) {
      const { status, body } = await request(wanted);
      const base = { job: ordinal, call, invokedAt, unknownTries, settledAt: null };
      if (status >= 200 && status < 500) {
        const ok = status < 300;
        const isExecution = call.op === "run" || call.op === "cancel";
        return {
          ...base,
          returnedAt: Date.now(),
          status,
          answer: ok && !isExecution ? pickJob(body) : null,
          executionId: ok && isExecution ? String((body as { id: string }).id) : null,
        };
      }
      if (Date.now() - invokedAt > GIVE_UP_MS) {
        return { ...base, returnedAt: Number.POSITIVE_INFINITY, status: 0, answer: null, executionId: null };
      }
      await sleep(REPEAT_MS);
    }
  }

  /** A try whose outcome is unknown may still be under way when a later one has been answered, and be applied after it. */
  async function settled(record: CallRecord, jobPath: string): Promise<CallRecord> {
    if (record.unknownTries === 0 || record.status === 0) return record;
    await sleep(SETTLE_MS);
    for (;;) {
      const { status, body } = await request({ method: "GET", path: jobPath });
      if (status === 200) {
        const answer = pickJob(body);
        return { ...record, answer, settledAt: Date.parse(answer.updated_at) };
      }
      // It is gone, which is for the checker to say.
      if (status === 404) return record;
      await sleep(REPEAT_MS);
    }
  }

  /** Status 0: no answer. */
  async function request({ method, path, body, idempotencyKey }: Wanted): Promise<{ status: number; body: unknown }> {
    try {
      const response = await fetch(tools.apiUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${tools.key}`,
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      const answer: unknown = await response.json();
      if (response.status >= 400 && response.status !== 409)
        tools.log({ refused: response.status, method, path, answer });
      return { status: response.status, body: answer };
    } catch (error) {
      tools.log({ cut: String((error as Error).cause ?? error), method, path });
      return { status: 0, body: null };
    }
  }

  return {
    make,
    records,
    async idle() {
      await Promise.all([...jobs.values()].map(({ last }) => last));
    },
  };
}

type Wanted = { method: string; path: string; body?: unknown; idempotencyKey?: string };

function resolve(call: Call, startedAt: number): Call {
  if (call.op !== "create" || !call.wish.schedule.startsWith(ONCE_PREFIX)) return call;
  const at = startedAt + Number(call.wish.schedule.slice(ONCE_PREFIX.length));
  return { op: "create", wish: { ...call.wish, schedule: new Date(at).toISOString() } };
}

function pickJob(body: unknown): JobAnswer {
  const { id, status, enabled, next_run, created_at, updated_at } = body as JobAnswer;
  return { id, status, enabled, next_run, created_at, updated_at };
}

function asList(body: unknown): { id: string; status: string }[] {
  return Array.isArray(body) ? (body as { id: string; status: string }[]) : [];
}
