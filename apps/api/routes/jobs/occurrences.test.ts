import { claimGated } from "@belfry/db/claim-gated.ts";
import { lockDueJobs } from "@belfry/db/due-jobs.ts";
import { claimExecutions, finishExecutions } from "@belfry/db/executions.ts";
import { recordDue } from "@belfry/db/record-due.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { makeWorker } from "@belfry/testing/factories.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aJob, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
});
afterAll(() => api.close());

type Occurrence = { scheduled_for: string; status: string; skip_reason: string; execution_id: string; reason: string };

const read = async (jobId: string, query = ""): Promise<Occurrence[]> => {
  const answer = await client.get(`/automation/jobs/${jobId}/occurrences${query}`);
  expect(answer.statusCode).toBe(200);
  return answer.json();
};

const sweep = () =>
  inTransaction(api.db, async (tx) => {
    const { now, jobs } = await lockDueJobs(tx, 100);
    await recordDue(tx, jobs, now, { callerPublishes: true });
  });

const instants = (occurrences: { scheduled_for: string }[]) => occurrences.map((o) => Date.parse(o.scheduled_for));
const iso = (ms: number) => encodeURIComponent(new Date(ms).toISOString());

/** Every instant once and in order, `step` apart. */
const expectNoHole = (occurrences: Occurrence[], step: number) => {
  for (const [i, at] of instants(occurrences).entries())
    if (i > 0) expect(at - (instants(occurrences)[i - 1] as number)).toBe(step);
};

async function finish(executionId: string, status: "success" | "skipped" | "failed"): Promise<void> {
  const worker = await makeWorker(api.db);
  await claimExecutions(api.db, worker, [{ executionId, attempt: 1 }]);
  const skipReason = status === "skipped" ? "check_declined" : null;
  const error = status === "failed" ? ({ code: "HTTP_STATUS", message: "answered 500" } as const) : null;
  await finishExecutions(api.db, worker, [
    { executionId, attempt: 1, status, skipReason, error, check: null, perform: null },
  ]);
}

describe("GET /automation/jobs/{id}/occurrences", () => {
  it("says of every planned instant what became of it, and what is to come", async () => {
    const { id } = await aJob(client, {
      schedule: "@every 6h",
      overlap: { policy: "allow" },
      misfire: { grace_ms: 86_400_000 },
    });
    await letTimePass(api.db, id, 18 * 3_600 + 20);
    await sweep();
    const [first, second, third] = await read(id);
    await finish(first?.execution_id as string, "success");
    await finish(second?.execution_id as string, "skipped");
    await finish(third?.execution_id as string, "failed");

    const all = await read(id);
    expect(all).toMatchObject([
      { status: "success", reason: "ran late by 12 h", error: null, late_ms: expect.any(Number) },
      { status: "skipped", skip_reason: "check_declined", reason: "skipped: the check declined" },
      {
        status: "failed",
        reason: "failed: answered 500",
        error: { code: "HTTP_STATUS", message: "answered 500" },
      },
      ...Array.from({ length: 4 }, () => ({
        status: "planned",
        execution_id: null,
        late_ms: null,
        reason: expect.stringMatching(/^will run at /),
      })),
    ]);
    expectNoHole(all, 6 * 3_600_000);
    expect(all[0]).toHaveProperty("late_ms", expect.closeTo(12 * 3_600_000 + 20_000, -4));
  });

  it("gives each of many that were missed together its own line, and the record they share", async () => {
    const { id } = await aJob(client, { schedule: "@every 1m", misfire: { policy: "skip", grace_ms: 0 } });
    await letTimePass(api.db, id, 100 * 60 + 1);
    await sweep();
    const all = (await read(id, "?limit=1000")).filter(({ status }) => status !== "planned");
    expect(all).toHaveLength(100);
    expectNoHole(all, 60_000);
    expect(new Set(all.map(({ execution_id }) => execution_id)).size).toBe(61);
    const shared = all.slice(60);
    expect(new Set(shared.map(({ execution_id }) => execution_id)).size).toBe(1);
    expect(shared[7]).toMatchObject({
      status: "skipped",
      skip_reason: "misfire",
      reason: expect.stringContaining("one of 40"),
    });

    // A window that begins inside the range, and after a change of the schedule.
    await client.patch(`/automation/jobs/${id}`, { schedule: "0 0 1 1 *" });
    const [from, to] = [instants(all)[70] as number, instants(all)[75] as number];
    expect(instants(await read(id, `?from=${iso(from)}&to=${iso(to)}`))).toEqual(instants(all).slice(70, 75));
  });

  it("has no part of manual runs, and nothing to come of a job that is not active", async () => {
    const { id } = await aJob(client, { schedule: "@every 5h" });
    await client.post(`/automation/jobs/${id}/run`);
    expect(await read(id)).toHaveLength(4);
    await client.post(`/automation/jobs/${id}/pause`);
    expect(await read(id)).toEqual([]);
  });

  it("says why one was taken back", async () => {
    const { id } = await aJob(client, { schedule: "@every 1h" });
    await letTimePass(api.db, id, 3_601);
    await sweep();
    await client.post(`/automation/jobs/${id}/pause`);
    expect(await read(id)).toMatchObject([{ status: "skipped", skip_reason: "paused" }]);
  });

  it("tells what is due and not yet written", async () => {
    const { id } = await aJob(client, { schedule: "@every 1h" });
    await letTimePass(api.db, id, 3_601);
    expect((await read(id))[0]).toMatchObject({ status: "planned", reason: expect.stringMatching(/^is due since/) });
    await sweep();
  });

  it("previews no more than max_runs leaves, and as far ahead as one asks", async () => {
    const { id } = await aJob(client, { schedule: "@every 1h", max_runs: 3 });
    expect(await read(id)).toHaveLength(3);
    const inAMonth = Date.now() + 30 * 86_400_000;
    expect(await read(id, `?from=${iso(inAMonth)}&to=${iso(inAMonth + 86_400_000)}`)).toEqual([]);

    const { id: endless } = await aJob(client, { schedule: "@every 1s" });
    const inAYear = Date.now() + 365 * 86_400_000;
    const far = await read(endless, `?from=${iso(inAYear)}&to=${iso(inAYear + 3_000)}`);
    expect(far).toHaveLength(3);
  });

  it("is read page by page, without a gap, in the window of the first page", async () => {
    const { id } = await aJob(client, { schedule: "@every 1m", misfire: { policy: "skip", grace_ms: 0 } });
    await letTimePass(api.db, id, 100 * 60 + 1);
    await sweep();
    const whole = await read(id, "?limit=1000");
    const paged: Occurrence[] = [];
    let next: string | undefined = `/automation/jobs/${id}/occurrences?limit=37`;
    while (next && paged.length < 1_000) {
      const answer = await client.get(next);
      paged.push(...answer.json());
      next = /<(.+)>; rel="next"/.exec(String(answer.headers.link ?? ""))?.[1];
    }
    expect(instants(paged).slice(0, 1_000)).toEqual(instants(whole).slice(0, paged.length));
    expectNoHole(paged, 60_000);
    expect(paged.length).toBeGreaterThan(900);
  });

  it.each([
    ["a window of 367 days", "?from=2026-01-01T00:00:00Z&to=2027-01-03T00:00:00Z", "to"],
    ["too many at once", "?limit=1001", "limit"],
    ["none at once", "?limit=0", "limit"],
    ["no instant", "?from=yesterday", "from"],
    ["the cursor of another list", "?cursor=abc", "cursor"],
    ["an unknown parameter", "?until=2026-01-01T00:00:00Z", "until"],
  ])("refuses %s", async (_, query, path) => {
    const { id } = await aJob(client);
    const answer = await client.get(`/automation/jobs/${id}/occurrences${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: "BAD_REQUEST", details: [{ path }] });
  });

  it("says which limit an execution waits for", async () => {
    const { id, function_id } = await aJob(client, {
      schedule: "@every 6h",
      overlap: { policy: "allow" },
      misfire: { grace_ms: 86_400_000 },
    });
    await client.patch(`/automation/functions/${function_id}`, {
      max_concurrency: 1,
      rate_limit: { starts: 3, per_seconds: 60 },
    });
    await letTimePass(api.db, id, 12 * 3_600 + 20);
    await sweep();
    const worker = await makeWorker(api.db);
    const pending = (await read(id)).filter(({ status }) => status === "pending");
    await claimGated(
      api.db,
      worker,
      pending.map(({ execution_id }) => ({ executionId: execution_id, attempt: 1 })),
    );
    const reasons = (await read(id)).filter(({ status }) => status === "pending").map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["waits: the function's limits of 1 at once and 3 starts in 60 s"]));
    expect(reasons).toHaveLength(pending.length - 1);
  });

  it("answers nothing for a window that ends before it begins", async () => {
    const { id } = await aJob(client, { schedule: "@every 1s" });
    expect(await read(id, "?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z")).toEqual([]);
  });

  it("does not know another account's job", async () => {
    const { id } = await aJob(client);
    const stranger = await api.newClient();
    const answer = await stranger.get(`/automation/jobs/${id}/occurrences`);
    expect([answer.statusCode, answer.json().code]).toEqual([404, "NOT_FOUND"]);
  });
});
