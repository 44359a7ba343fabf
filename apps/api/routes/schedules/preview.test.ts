import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, aJob, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
});
afterAll(() => api.close());

const FROM = "2026-03-06T10:07:00Z";
const send = (body: unknown, by = client): Promise<Answer> => by.post("/automation/schedules/preview", body);
const preview = async (body: Record<string, unknown>) => {
  const answer = await send({ from: FROM, ...body });
  if (answer.statusCode !== 200) throw new Error(answer.body);
  return answer.json();
};
const instants = (answer: { occurrences: { at: string }[] }) => answer.occurrences.map(({ at }) => at);

describe("POST /automation/schedules/preview", () => {
  it("says what a schedule means, when it runs, and where a change of clocks plays a part", async () => {
    expect(await preview({ schedule: "30 2 * * *", timezone: "America/New_York", count: 3 })).toEqual({
      description: "At 02:30, every day, America/New_York",
      timezone: "America/New_York",
      from: "2026-03-06T10:07:00.000Z",
      occurrences: [
        { at: "2026-03-07T07:30:00.000Z", local: "2026-03-07T02:30:00-05:00[America/New_York]", notes: [] },
        {
          at: "2026-03-08T07:00:00.000Z",
          local: "2026-03-08T03:00:00-04:00[America/New_York]",
          notes: ["local time 02:30 does not exist that day; runs at 03:00 after the clocks go forward"],
        },
        { at: "2026-03-09T06:30:00.000Z", local: "2026-03-09T02:30:00-04:00[America/New_York]", notes: [] },
      ],
      is_complete: true,
      dropped: [],
      dropped_is_complete: true,
      notes: [],
      outage: null,
    });
  });

  it("begins with now, gives ten occurrences and counts in UTC unless told otherwise", async () => {
    const answer = (await send({ schedule: "0 9 * * *" })).json();
    expect(Math.abs(Date.parse(answer.from) - Date.now())).toBeLessThan(60_000);
    expect(answer).toMatchObject({ timezone: "UTC", occurrences: { length: 10 } });
    expect(answer.occurrences[0].at).toMatch(/T09:00:00.000Z$/);
  });

  it("takes in both ends of what is asked for", async () => {
    const ends = { from: "2026-03-06T11:00:00+01:00", to: "2026-03-06T12:00:00Z", count: 1_000 };
    const answer = await preview({ schedule: "@hourly", ...ends });
    expect(instants(answer)).toEqual([
      "2026-03-06T10:00:00.000Z",
      "2026-03-06T11:00:00.000Z",
      "2026-03-06T12:00:00.000Z",
    ]);
    expect(instants(await preview({ schedule: "@hourly", count: 1_000 }))).toHaveLength(1_000);
  });

  it("follows the rule for changes of clocks that it is given", async () => {
    const night = { schedule: "30 2 * * *", timezone: "America/New_York", from: "2026-03-08T00:00:00-05:00", count: 1 };
    const skipped = await preview({ ...night, dst: { gap: "skip", fold: "first" } });
    expect(instants(skipped)).toEqual(["2026-03-09T06:30:00.000Z"]);
    expect(skipped.dropped).toEqual([
      {
        at: "2026-03-08T07:00:00.000Z",
        until: "2026-03-08T07:00:00.000Z",
        local: "2026-03-08T03:00:00-04:00[America/New_York]",
        count: 1,
        reason: "local time 02:30 does not exist that day",
      },
    ]);
    const shifted = await preview({ ...night, dst: { gap: "shift", fold: "first" } });
    expect(instants(shifted)).toEqual(["2026-03-08T07:30:00.000Z"]);
  });

  it("says what was left out and why", async () => {
    const schedule = { type: "daily", time: "09:00", weekdays: ["mon", "tue"], exclude_dates: ["2026-03-09"] };
    const answer = await preview({ schedule, count: 1 });
    expect(instants(answer)).toEqual(["2026-03-10T09:00:00.000Z"]);
    expect(answer.dropped.map(({ at, reason }: { at: string; reason: string }) => [at.slice(0, 10), reason])).toEqual([
      ["2026-03-07", "2026-03-07 is a Saturday"],
      ["2026-03-08", "2026-03-08 is a Sunday"],
      ["2026-03-09", "2026-03-09 is excluded"],
    ]);
  });

  it("counts an interval from its beginning, and says so", async () => {
    const answer = await preview({ schedule: "@every 2h", count: 1 });
    expect(instants(answer)).toEqual(["2026-03-06T12:07:00.000Z"]);
    expect(answer.notes).toEqual(["counted from 2026-03-06T10:07:00.000Z, as that of a job from when it is made"]);
    expect((await preview({ schedule: { type: "interval", value: "2h", start: FROM } })).notes).toEqual([]);
  });

  it("shows H and jitter as the job has them that is named, and says if none is", async () => {
    const job = await aJob(client, { schedule: "H H * * *" });
    const next = (await client.get(`/automation/jobs/${job.id}/next-runs?count=3`)).json();
    expect(instants((await send({ schedule: "H H * * *", job_id: job.id, count: 3 })).json())).toEqual(next);

    const anonymous = await preview({ schedule: "H H * * *" });
    expect(anonymous.notes).toEqual([
      "each job has values of its own for H: these are an example, those of a job are shown with its job_id",
    ]);
    expect(instants(await preview({ schedule: "H H * * *" }))).toEqual(instants(anonymous));

    const spread = { schedule: { type: "daily", time: "09:00", jitter: "5m" }, count: 1 };
    expect((await preview(spread)).occurrences[0].notes).toEqual(["starts up to 5m later"]);
    const notes = (await preview({ ...spread, job_id: job.id })).occurrences[0].notes;
    expect(notes).toEqual([expect.stringMatching(/^starts up to 5m later: at 2026-03-07T09:0[0-5]:[\d.]+Z$/)]);
  });

  it("knows the account's own calendars by name, and nobody else's", async () => {
    const calendar = { name: "holidays", dates: ["2026-03-09"] };
    expect((await client.post("/automation/calendars", calendar)).statusCode).toBe(201);
    const schedule = { type: "weekly", days: ["mon"], time: "09:00", calendars: { exclude: ["holidays"] } };
    const answer = await preview({ schedule, count: 1 });
    expect(instants(answer)).toEqual(["2026-03-16T09:00:00.000Z"]);
    expect(answer.dropped).toMatchObject([{ reason: "calendar holidays excludes 2026-03-09" }]);
    const moved = await preview({ schedule: { ...schedule, move: "next" }, count: 1 });
    expect(moved.occurrences).toMatchObject([
      { at: "2026-03-10T09:00:00.000Z", notes: ["moved from 2026-03-09, which calendar holidays excludes"] },
    ]);

    const refused = await send({ schedule }, await api.newClient());
    expect([refused.statusCode, refused.json().code]).toEqual([422, "SCHEDULE_INVALID"]);
    expect(refused.json().details).toEqual([
      {
        path: "schedule.calendars.exclude",
        message: 'schedule.calendars.exclude names the calendar "holidays", which does not exist',
        code: "CALENDAR_UNKNOWN",
      },
    ]);
  });

  it("needs a key", async () => {
    const answer = await api.app.inject({ method: "POST", url: "/automation/schedules/preview", payload: {} });
    expect(answer.statusCode).toBe(401);
  });
});

describe("an outage", () => {
  const down = { from: "2026-03-06T02:00:00Z", to: "2026-03-06T05:00:00Z" };

  it("is simulated with the policy for misfires that the job would have", async () => {
    const { outage } = await preview({ schedule: "30 * * * *", down });
    expect(outage).toEqual({
      summary:
        "When the scheduler is back at 2026-03-06T05:00:00Z, 1 occurrence runs late and 2 occurrences are skipped (misfire); the next one is at 2026-03-06T05:30:00Z",
      rows: [
        row("2026-03-06T02:30:00.000Z", "skipped"),
        row("2026-03-06T03:30:00.000Z", "skipped"),
        row("2026-03-06T04:30:00.000Z", "runs_late"),
      ],
      runs: 1,
      skipped: 2,
      next: "2026-03-06T05:30:00.000Z",
      is_complete: true,
    });
    const policies: [object, number, number][] = [
      [{ policy: "skip" }, 0, 3],
      [{ policy: "run_all" }, 3, 0],
      [{ policy: "run_all", max_runs: 2 }, 2, 1],
      [{ policy: "skip", grace_ms: 3_600_000 }, 1, 2],
    ];
    for (const [misfire, runs, skipped] of policies) {
      const answer = await preview({ schedule: "30 * * * *", down, misfire });
      expect(answer.outage, JSON.stringify(misfire)).toMatchObject({ runs, skipped });
    }
  });

  it("is where the occurrences begin unless told otherwise", async () => {
    const answer = (await send({ schedule: "@every 1h", down, count: 1 })).json();
    expect(instants(answer)).toEqual(["2026-03-06T03:00:00.000Z"]);
    expect(answer.outage.rows.at(-1)).toEqual(row("2026-03-06T05:00:00.000Z", "runs_on_time"));
  });

  const row = (at: string, verdict: string) => ({ scheduled_for: at, scheduled_until: at, occurrences: 1, verdict });
});

describe("a preview is refused", () => {
  it.each<[what: string, body: Record<string, unknown>, path: string, code: string]>([
    ["a schedule that no job could have", { schedule: "99 * * * *" }, "schedule", "CRON_FIELD_INVALID"],
    ["one that never runs", { schedule: "0 0 30 2 *" }, "schedule", "CRON_NEVER_RUNS"],
    ["one that is over", { schedule: "2026-03-01T00:00:00Z" }, "schedule", "SCHEDULE_OVER"],
    ["a bad part of one", { schedule: weekly("mooday") }, "schedule.days[1]", "DAY_INVALID"],
    ["a bad part of a part", { schedule: { type: "any", of: ["@daily", "5x"] } }, "schedule.of[1]", "DURATION_INVALID"],
    ["a zone that there is not", { schedule: "@daily", timezone: "Mars/Olympus" }, "timezone", "TIMEZONE_UNKNOWN"],
  ])("for %s, as a job is", async (_, body, path, code) => {
    const answer = await send({ from: FROM, ...body });
    expect([answer.statusCode, answer.json().code]).toEqual([422, "SCHEDULE_INVALID"]);
    expect(answer.json().details).toEqual([{ path, message: expect.any(String), code }]);
  });

  it.each<[what: string, body: Record<string, unknown>, path: string]>([
    ["no schedule", {}, "schedule"],
    ["more than a thousand", { schedule: "@daily", count: 1_001 }, "count"],
    ["none", { schedule: "@daily", count: 0 }, "count"],
    ["an unknown field", { schedule: "@daily", until: FROM }, "until"],
    ["a beginning without an offset", { schedule: "@daily", from: "2026-03-06T10:07:00" }, "from"],
    ["a date that there is not", { schedule: "@daily", from: "2026-02-30T10:07:00Z" }, "from"],
    ["a year that UTC cannot write", { schedule: "@daily", from: "9999-12-31T23:59:59-01:00" }, "from"],
    ["an end before its beginning", { schedule: "@daily", to: "2026-03-06T10:06:59Z" }, "to"],
    ["an end too far ahead", { schedule: "@daily", to: "2037-03-06T10:07:00Z" }, "to"],
    ["half a rule for changes of clocks", { schedule: "@daily", dst: { gap: "skip" } }, "dst.fold"],
    ["a rule that there is not", { schedule: "@daily", dst: { gap: "skip", fold: "never" } }, "dst.fold"],
    [
      "an outage that ends before it begins",
      { schedule: "@daily", down: { from: FROM, to: "2026-03-01T00:00:00Z" } },
      "down.to",
    ],
    ["an unknown policy", { schedule: "@daily", misfire: { policy: "run_twice" } }, "misfire.policy"],
    ["a job's id that is none", { schedule: "@daily", job_id: "job" }, "job_id"],
  ])("with %s", async (_, body, path) => {
    const answer = await send({ from: FROM, ...body });
    expect([answer.statusCode, answer.json().code]).toEqual([422, "VALIDATION_ERROR"]);
    expect(answer.json().details).toMatchObject([{ path }]);
  });

  function weekly(day: string) {
    return { type: "weekly", days: ["monday", day], time: "09:00" };
  }
});

describe("whatever the body", () => {
  const dates = Array.from({ length: 1_000 }, (_, i) =>
    new Date(Date.parse(FROM) + i * 86_400_000).toISOString().slice(0, 10),
  );
  const night = {
    type: "cron",
    value: "* * * * * *",
    timezone: "Australia/Lord_Howe",
    exclude_dates: dates,
    weekdays: ["mon"],
    windows: ["22:00-02:00"],
    move: "previous",
  };
  const everything = { count: 1_000, to: "2036-03-06T10:07:00Z", down: { from: FROM, to: "2036-03-06T10:07:00Z" } };
  const always = { policy: "run_all", max_runs: 1_000, max_age_ms: 366 * 86_400_000 };

  it.each<[what: string, schedule: unknown]>([
    ["each second", "@every 1s"],
    ["twenty nights of a thousand dates", { type: "any", of: Array.from({ length: 20 }, () => night) }],
    [
      "exceptions from nights",
      {
        type: "any",
        of: Array.from({ length: 10 }, () => ({ type: "except", of: [night, "30 * * * * *"] })),
      },
    ],
    ["nearly all excepted", { type: "except", of: ["* * * * * *", "1-59 * * * * *", "0 1-59 * * * *"] }],
    [
      "three that hardly ever meet",
      {
        type: "all",
        of: [
          { type: "cron", value: "* * * * *", timezone: "America/New_York" },
          { type: "cron", value: "30 9 13 * 5", timezone: "Europe/Dublin" },
          "@every 3607s",
        ],
      },
    ],
    [
      "twenty recurrence rules",
      { type: "any", of: Array.from({ length: 20 }, (_, i) => `RRULE:FREQ=YEARLY;BYYEARDAY=366;BYHOUR=${i}`) },
    ],
    ["a rule that finds little", "RRULE:FREQ=MINUTELY;INTERVAL=999983;BYMONTHDAY=29;BYSETPOS=-1"],
    [
      "windows in windows",
      Array.from({ length: 4 }).reduce<unknown>(
        (inner) => ({ type: "all", of: [inner], exclude_dates: dates, windows: "23:00-22:59", move: "next" }),
        night,
      ),
    ],
  ])("it is answered soon: %s", async (_, schedule) => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const began = process.cpuUsage();
      const answer = await send({ schedule, from: FROM, misfire: always, ...everything });
      const { user, system } = process.cpuUsage(began);
      times.push((user + system) / 1_000);
      expect([200, 422]).toContain(answer.statusCode);
    }
    // Slow means slow each time: a collection of garbage is not the schedule's.
    expect(Math.min(...times)).toBeLessThan(600);
  });

  it("it is answered with as much as there was time for, and says that there may be more", async () => {
    const nights = { type: "any", of: Array.from({ length: 20 }, () => night) };
    const answer = await preview({ schedule: nights, ...everything });
    expect(answer).toMatchObject({ is_complete: false, dropped_is_complete: false, outage: { is_complete: false } });
    expect(instants(answer).slice(0, 2)).toEqual(["2028-12-04T11:00:00.000Z", "2028-12-04T11:00:01.000Z"]);
  });
});
