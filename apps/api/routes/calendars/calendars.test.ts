import { rowsOf } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aJob, type Client, startTestApi, type TestApi } from "../../test-api.ts";

let api: TestApi;
let client: Client;

beforeAll(async () => {
  api = await startTestApi();
  client = await api.newClient();
});
afterAll(() => api.close());

let names = 0;

async function aCalendar(dates: string[] = [], fields: Record<string, unknown> = {}) {
  const answer = await client.post("/automation/calendars", { name: `calendar ${++names}`, dates, ...fields });
  expect([answer.statusCode, answer.body]).toEqual([201, expect.any(String)]);
  return answer.json();
}

const daily = (...exclude: string[]) => ({ type: "daily", time: "09:00", calendars: { exclude } });

const ICAL = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "BEGIN:VEVENT",
  "SUMMARY:Jul",
  "DTSTART;VALUE=DATE:20301224",
  "DTEND;VALUE=DATE:20301227",
  "END:VEVENT",
  "END:VCALENDAR",
  "",
].join("\r\n");

const importInto = (id: string, body: string | Buffer, query = "", type = "text/calendar; charset=utf-8") =>
  api.app.inject({
    method: "POST",
    url: `/automation/calendars/${id}/import${query}`,
    headers: { authorization: `Bearer ${client.key}`, "content-type": type },
    payload: body,
  });

describe("POST /automation/calendars", () => {
  it("makes a calendar", async () => {
    const body = { name: "holidays", description: "of Denmark", dates: ["2030-12-25", "2030-12-24", "2030-12-25"] };
    const answer = await client.post("/automation/calendars", body);
    expect(answer.statusCode).toBe(201);
    const created = answer.json();
    expect(answer.headers.location).toBe(`/automation/calendars/${created.id}`);
    expect(created).toEqual({
      id: expect.any(String),
      account_id: client.accountId,
      name: "holidays",
      description: "of Denmark",
      dates: ["2030-12-24", "2030-12-25"],
      date_count: 2,
      version: 1,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await client.get(`/automation/calendars/${created.id}`)).json()).toEqual(created);
    expect((await client.post("/automation/calendars", body)).json()).toMatchObject({
      code: "CALENDAR_NAME_TAKEN",
      details: [{ path: "name", code: "taken" }],
    });
  });

  it.each<[what: string, change: Record<string, unknown>, message: string, path: string]>([
    ["no name", { name: undefined }, "required: name", "name"],
    ["a long name", { name: "n".repeat(101) }, "name: must have at most 100 characters", "name"],
    ["no dates", { dates: undefined }, "required: dates", "dates"],
    [
      "a date that is none",
      { dates: ["2030-02-28", "2030-02-30"] },
      "dates.1: must be a date such as 2026-12-25",
      "dates.1",
    ],
    ["an instant", { dates: ["2030-02-28T00:00:00Z"] }, "dates.0: must be a date such as 2026-12-25", "dates.0"],
    ["a date long ago", { dates: ["1969-12-31"] }, "dates.0: must not lie before 1970", "dates.0"],
    ["too many dates", { dates: Array(4_001).fill("2030-01-01") }, "dates: must not be more than 4000", "dates"],
    ["an unknown field", { colour: "red" }, "unknown field: colour", "colour"],
  ])("refuses %s", async (_, change, message, path) => {
    const answer = await client.post("/automation/calendars", { name: "n", dates: [], ...change });
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({ message, code: "VALIDATION_ERROR", details: [{ path }] });
  });
});

describe("GET /automation/calendars", () => {
  it("lists them page by page, without their dates", async () => {
    const lister = await api.newClient();
    const make = async (name: string) =>
      (await lister.post("/automation/calendars", { name, dates: ["2030-01-01"] })).json().id;
    const ids = [await make("a"), await make("b"), await make("c")].toReversed();
    const first = await lister.get("/automation/calendars?limit=2");
    expect(first.json().map(({ id, date_count }: { id: string; date_count: number }) => [id, date_count])).toEqual(
      ids.slice(0, 2).map((id) => [id, 1]),
    );
    expect(first.json()[0]).not.toHaveProperty("dates");
    const second = await lister.get(/<(.+)>/.exec(String(first.headers.link))?.[1] as string);
    expect(second.json()).toMatchObject([{ id: ids[2] }]);
  });
});

describe("PATCH /automation/calendars/{id}", () => {
  it("says how many jobs are planned anew", async () => {
    const { id, name } = await aCalendar();
    await aJob(client, { schedule: daily(name) });
    await aJob(client, { schedule: daily(name) });
    const answer = await client.patch(`/automation/calendars/${id}`, { dates: ["2030-01-01"] });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id, dates: ["2030-01-01"], version: 2, jobs_to_replan: 2 });
    expect(await rowsOf(api.db, sql`select * from job_replans`)).toHaveLength(2);
    const again = await client.patch(`/automation/calendars/${id}`, { dates: ["2030-01-01"] });
    expect(again.json()).toMatchObject({ version: 2, jobs_to_replan: 0 });
  });

  it("refuses an empty change, and another name while a job refers to it", async () => {
    const { id, name } = await aCalendar();
    expect((await client.patch(`/automation/calendars/${id}`, {})).statusCode).toBe(422);
    await aJob(client, { schedule: daily(name) });
    const answer = await client.patch(`/automation/calendars/${id}`, { name: "another", dates: ["2030-01-01"] });
    expect([answer.statusCode, answer.json().code]).toEqual([409, "CALENDAR_IN_USE"]);
    expect((await client.get(`/automation/calendars/${id}`)).json()).toMatchObject({ name, dates: [] });
  });
});

describe("DELETE /automation/calendars/{id}", () => {
  it("removes it, unless a job refers to it", async () => {
    const { id, name } = await aCalendar();
    const job = await aJob(client, { schedule: daily(name) });
    const refused = await client.delete(`/automation/calendars/${id}`);
    expect([refused.statusCode, refused.json()]).toEqual([
      409,
      {
        error: "conflict",
        code: "CALENDAR_IN_USE",
        message: `calendar "${name}" is used by a job and cannot be deleted`,
      },
    ]);
    await client.delete(`/automation/jobs/${job.id}`);
    expect((await client.delete(`/automation/calendars/${id}`)).json()).toMatchObject({ id, name });
    expect((await client.get(`/automation/calendars/${id}`)).statusCode).toBe(404);
  });
});

describe("a job's schedule", () => {
  it("leaves out the dates of a calendar, or has no others", async () => {
    const { name } = await aCalendar(["2030-12-24", "2030-12-25"]);
    const from = { time: "09:00", start: "2030-12-23T12:00:00Z" };
    const excluded = await aJob(client, { schedule: { type: "daily", ...from, calendars: { exclude: [name] } } });
    expect(excluded.next_run).toBe("2030-12-26T09:00:00.000Z");
    const included = await aJob(client, { schedule: { type: "daily", ...from, calendars: { include: [name] } } });
    expect((await client.get(`/automation/jobs/${included.id}/next-runs`)).json()).toEqual([
      "2030-12-24T09:00:00.000Z",
      "2030-12-25T09:00:00.000Z",
    ]);
  });

  it("names a calendar that there is, and nobody else's", async () => {
    const { name } = await aCalendar();
    const stranger = await api.newClient();
    await expect(aJob(stranger, { schedule: daily(name) })).rejects.toThrow("CALENDAR_UNKNOWN");
  });
});

describe("POST /automation/calendars/{id}/import", () => {
  it("adds the dates of an iCalendar file, or replaces all others by them", async () => {
    const { id } = await aCalendar(["2030-12-25", "2031-01-01"]);
    const added = await importInto(id, ICAL);
    expect([added.statusCode, added.json()]).toEqual([
      200,
      expect.objectContaining({
        events: 1,
        dates_added: 2,
        dates_removed: 0,
        jobs_to_replan: 0,
        dates: ["2030-12-24", "2030-12-25", "2030-12-26", "2031-01-01"],
      }),
    ]);
    const replaced = await importInto(id, ICAL, "?replace=true");
    expect(replaced.json()).toMatchObject({ dates_added: 0, dates_removed: 1, version: 3 });
  });

  it("counts what is written in UTC in the zone that is asked for", async () => {
    const { id } = await aCalendar();
    const night = ICAL.replace(/DTSTART.*/, "DTSTART:20301224T233000Z").replace(/DTEND.*/, "DTEND:20301224T234500Z");
    const answer = await importInto(id, night, "?timezone=Asia/Tokyo");
    expect(answer.json()).toMatchObject({ dates: ["2030-12-25"] });
    const unknown = await importInto(id, night, "?timezone=Mars/Olympus");
    expect([unknown.statusCode, unknown.json().details]).toEqual([
      400,
      [expect.objectContaining({ path: "timezone" })],
    ]);
  });

  it.each<[what: string, body: string | Buffer, type: string, status: number, code: string]>([
    ["what is no such file", "hello", "text/calendar", 422, "VALIDATION_ERROR"],
    ["an empty body", "", "text/calendar", 422, "VALIDATION_ERROR"],
    ["a rule of seconds", ICAL.replace("SUMMARY:Jul", "RRULE:FREQ=SECONDLY"), "text/calendar", 422, "VALIDATION_ERROR"],
    ["bytes that are not UTF-8", Buffer.from([0x42, 0xff]), "text/calendar", 400, "BAD_REQUEST"],
    ["more than 1 MiB", "x".repeat(1024 * 1024 + 1), "text/calendar", 413, "PAYLOAD_TOO_LARGE"],
    ["JSON", "{}", "application/json", 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["text", ICAL, "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"],
  ])("refuses %s and changes nothing", async (_, body, type, status, code) => {
    const { id } = await aCalendar(["2030-01-01"]);
    const answer = await importInto(id, body, "?replace=true", type);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect((await client.get(`/automation/calendars/${id}`)).json()).toMatchObject({
      dates: ["2030-01-01"],
      version: 1,
    });
  });

  it("takes nothing for a calendar that there is not", async () => {
    expect((await importInto("00000000-0000-7000-8000-000000000000", ICAL)).statusCode).toBe(404);
  });
});

describe("a body of type text/calendar", () => {
  it("is taken by no other route", async () => {
    const answer = await client.post("/automation/calendars", {}, { "content-type": "text/calendar" });
    expect([answer.statusCode, answer.json().message]).toEqual([415, "the content type must be application/json"]);
  });
});
