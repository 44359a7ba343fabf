import { createCalendarBody } from "@belfry/contract/calendar.ts";
import { makeAccount, makeJob, openTestLedger, type TestAccount, type TestLedger } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createCalendar, deleteCalendar, getCalendar, listCalendars, patchCalendar } from "./calendars.ts";
import type { Db } from "./client.ts";
import { importDates } from "./import-dates.ts";
import { deleteJob, patchJob } from "./jobs.ts";
import { getJob } from "./read-jobs.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
});
beforeEach(async () => {
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

const create = (name: string, dates: string[] = [], of = account) =>
  createCalendar(db, of.accountId, createCalendarBody.parse({ name, dates }));

const excluding = (...names: string[]) => ({ type: "daily", time: "09:00", calendars: { exclude: names } });

describe("a calendar", () => {
  it("keeps its dates in order, each once", async () => {
    const { id } = await create("holidays", ["2027-01-01", "2026-12-25", "2027-01-01"]);
    const calendar = await getCalendar(db, account.accountId, id);
    expect(calendar).toMatchObject({ name: "holidays", dates: ["2026-12-25", "2027-01-01"], version: 1 });
  });

  it("has a name of its own in its account", async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => create("holidays")));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason.code);
    expect(refused).toEqual(Array(3).fill("CALENDAR_NAME_TAKEN"));
    await create("holidays", [], await makeAccount(db));
    const { id } = await create("others");
    await expect(patchCalendar(db, account.accountId, id, { name: "holidays" })).rejects.toMatchObject({
      code: "CALENDAR_NAME_TAKEN",
    });
  });

  it("gets another version when its dates change, and not otherwise", async () => {
    const { id } = await create("holidays", ["2026-12-25"]);
    const version = async (patch: Parameters<typeof patchCalendar>[3]) =>
      (await patchCalendar(db, account.accountId, id, patch))?.calendar.version;
    expect(await version({ description: "public ones" })).toBe(1);
    expect(await version({ dates: ["2026-12-25", "2026-12-25"] })).toBe(1);
    expect(await version({ dates: [] })).toBe(2);
    expect(await getCalendar(db, account.accountId, id)).toMatchObject({ description: "public ones", dates: [] });
  });

  it("is neither seen nor touched by another account", async () => {
    const { id } = await create("holidays", ["2026-12-25"]);
    const stranger = await makeAccount(db);
    expect(await getCalendar(db, stranger.accountId, id)).toBeNull();
    expect(await listCalendars(db, stranger.accountId, { limit: 10 })).toEqual([]);
    expect(await patchCalendar(db, stranger.accountId, id, { dates: [] })).toBeNull();
    expect(await importDates(db, stranger.accountId, id, [], { replace: true })).toBeNull();
    expect(await deleteCalendar(db, stranger.accountId, id)).toBeNull();
    await expect(makeJob(db, stranger, { schedule: excluding("holidays") })).rejects.toMatchObject({
      code: "SCHEDULE_INVALID",
    });
    expect(await getCalendar(db, account.accountId, id)).toMatchObject({ dates: ["2026-12-25"], version: 1 });
  });

  it("is listed without its dates, newest first", async () => {
    const ids: string[] = [];
    for (const name of ["a", "b", "c"]) ids.unshift((await create(name, ["2026-12-25"])).id);
    const listed = await listCalendars(db, account.accountId, { limit: 2 });
    expect(listed.map(({ id, dateCount }) => [id, dateCount])).toEqual(ids.slice(0, 2).map((id) => [id, 1]));
    expect(listed[0]).not.toHaveProperty("dates");
    const rest = await listCalendars(db, account.accountId, { limit: 2, before: ids[1] as string });
    expect(rest.map(({ id }) => id)).toEqual(ids.slice(2));
  });
});

describe("importing dates", () => {
  it("adds them, or puts them in place of those that there are", async () => {
    const { id } = await create("holidays", ["2026-12-25", "2027-01-01"]);
    const add = (dates: string[], replace: boolean) => importDates(db, account.accountId, id, dates, { replace });
    const more = await add(["2026-12-26", "2026-12-25"], false);
    expect(more).toMatchObject({
      added: 1,
      removed: 0,
      calendar: { dates: ["2026-12-25", "2026-12-26", "2027-01-01"] },
    });
    const others = await add(["2026-12-26", "2027-12-25"], true);
    expect(others).toMatchObject({
      added: 1,
      removed: 2,
      calendar: { dates: ["2026-12-26", "2027-12-25"], version: 3 },
    });
  });

  it("refuses more than a calendar may have", async () => {
    const { id } = await create("holidays", ["2026-12-25"]);
    const dates = Array.from({ length: 4_000 }, (_, i) =>
      new Date(Date.UTC(2000, 0, 1 + i)).toISOString().slice(0, 10),
    );
    const refused = { code: "VALIDATION_ERROR", message: expect.stringMatching(/would have 4001 dates/) };
    await expect(importDates(db, account.accountId, id, dates, { replace: false })).rejects.toMatchObject(refused);
    expect(await importDates(db, account.accountId, id, dates, { replace: true })).toMatchObject({ added: 4_000 });
  });
});

describe("a calendar that a job refers to", () => {
  it("is known by its names, wherever they stand", async () => {
    for (const name of ["a", "b", "c"]) await create(name, ["2026-12-25"]);
    const nested = {
      type: "any",
      of: [excluding("a"), "@daily", { type: "all", of: [excluding("c", "b"), excluding("a")] }],
    };
    const jobId = await makeJob(db, account, { schedule: nested });
    expect((await getJob(db, account.accountId, jobId))?.calendars).toEqual(["a", "b", "c"]);
    await patchJob(db, account.accountId, jobId, { schedule: "@daily" });
    expect((await getJob(db, account.accountId, jobId))?.calendars).toEqual([]);
  });

  it("has to be there, and the field is named where it is not", async () => {
    const refused = {
      code: "SCHEDULE_INVALID",
      details: [
        { path: "schedule.calendars.exclude", message: expect.stringMatching(/"nobody's"/), code: "CALENDAR_UNKNOWN" },
      ],
    };
    await expect(makeJob(db, account, { schedule: excluding("nobody's") })).rejects.toMatchObject(refused);
    const jobId = await makeJob(db, account);
    const patch = { schedule: excluding("nobody's") } as Parameters<typeof patchJob>[3];
    await expect(patchJob(db, account.accountId, jobId, patch)).rejects.toMatchObject(refused);
  });

  it("is neither renamed nor deleted meanwhile", async () => {
    const { id } = await create("holidays");
    const jobs = [
      await makeJob(db, account, { schedule: excluding("holidays") }),
      await makeJob(db, account, { schedule: excluding("holidays") }),
    ];
    const inUse = (message: RegExp) => ({ code: "CALENDAR_IN_USE", message: expect.stringMatching(message) });
    await expect(deleteCalendar(db, account.accountId, id)).rejects.toMatchObject(
      inUse(/by 2 jobs and cannot be deleted/),
    );
    await deleteJob(db, account.accountId, jobs[0] as string);
    await expect(patchCalendar(db, account.accountId, id, { name: "x" })).rejects.toMatchObject(
      inUse(/by a job and cannot be renamed/),
    );
    await patchJob(db, account.accountId, jobs[1] as string, { schedule: "@daily" });
    expect(await patchCalendar(db, account.accountId, id, { name: "x" })).toMatchObject({ calendar: { name: "x" } });
    expect(await deleteCalendar(db, account.accountId, id)).toMatchObject({ id });
    expect(await getCalendar(db, account.accountId, id)).toBeNull();
  });

  it("keeps a deleted job deleted when it is gone", async () => {
    const { id } = await create("holidays");
    const jobId = await makeJob(db, account, { schedule: excluding("holidays") });
    await deleteJob(db, account.accountId, jobId);
    await deleteCalendar(db, account.accountId, id);
    await expect(patchJob(db, account.accountId, jobId, { enabled: true })).rejects.toMatchObject({
      code: "SCHEDULE_INVALID",
      message: 'schedule names the calendar "holidays", which does not exist',
    });
    expect(await getJob(db, account.accountId, jobId)).toMatchObject({ enabled: false });
  });

  it("is either seen by a job that is made at once, or not deleted", async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await create(`round ${round}`);
      const [made, deleted] = await Promise.allSettled([
        makeJob(db, account, { schedule: excluding(`round ${round}`) }),
        deleteCalendar(db, account.accountId, id),
      ]);
      expect([made.status, deleted.status].toSorted()).toEqual(["fulfilled", "rejected"]);
    }
  });
});
