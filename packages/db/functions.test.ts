import { type CreateFunctionBody, createFunctionBody } from "@belfry/contract/function.ts";
import { makeAccount, makeJob, openTestLedger, type TestAccount, type TestLedger } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "./client.ts";
import {
  createFunction,
  deleteFunction,
  getFunction,
  listFunctions,
  patchFunction,
  registerModules,
} from "./functions.ts";
import { deleteJob } from "./jobs.ts";
import { getJob } from "./read-jobs.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
});
beforeEach(async () => {
  [account, other] = await Promise.all([makeAccount(db), makeAccount(db)]);
});
afterAll(() => ledger.close());

const http = (name: string, more: object = {}): CreateFunctionBody =>
  createFunctionBody.parse({ name, kind: "http", url: "http://127.0.0.1:9/", ...more });
const module = (name: string, more: object = {}): CreateFunctionBody =>
  createFunctionBody.parse({ name, kind: "module", ...more });
const loaded = (name: string, more: object = {}) => ({ name, description: "", check: true, timeoutMs: null, ...more });

/** The shared module of a name, as an account sees it. */
async function shared(name: string, { accountId } = account) {
  const all = await listFunctions(db, accountId, { limit: 100 });
  return all.find((fn) => fn.name === name && fn.accountId === null);
}

describe("modules that workers bring along", () => {
  it("are seen by every account, and changed by none", async () => {
    await registerModules(db, [loaded("seen", { description: "looks", check: false, timeoutMs: 5 })]);
    for (const { accountId } of [account, other]) {
      const fn = await shared("seen", { ...account, accountId });
      expect(fn).toMatchObject({
        accountId: null,
        kind: "module",
        module: "seen",
        description: "looks",
        check: false,
        timeoutMs: 5,
      });
      const id = fn?.id as string;
      await expect(patchFunction(db, accountId, id, { name: "mine" })).rejects.toMatchObject({ code: "FORBIDDEN" });
      await expect(deleteFunction(db, accountId, id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
  });

  it("keep their ids when they are brought again, by many workers at once, and are brought up to date", async () => {
    await registerModules(db, [loaded("again")]);
    const before = await shared("again");
    const newer = loaded("again", { description: "new", check: false, timeoutMs: 7 });
    await Promise.all(Array.from({ length: 6 }, () => registerModules(db, [newer])));
    expect(await shared("again")).toMatchObject({ id: before?.id, description: "new", check: false, timeoutMs: 7 });
  });

  it("are brought by workers that load the same ones in another order", async () => {
    const modules = Array.from({ length: 30 }, (_, i) => loaded(`many ${i}`));
    await Promise.all(Array.from({ length: 8 }, (_, i) => registerModules(db, i % 2 ? modules : modules.toReversed())));
    expect(await shared("many 29")).toBeDefined();
  });

  it("may be none", async () => {
    await expect(registerModules(db, [])).resolves.toBeUndefined();
  });

  it("are what a function of kind module refers to", async () => {
    await registerModules(db, [loaded("referred", { check: false })]);
    const { accountId } = account;
    expect(await createFunction(db, accountId, module("referred"))).toMatchObject({
      module: "referred",
      check: false,
      accountId,
    });
    const mine = await createFunction(db, accountId, module("by another name", { module: "referred" }));
    expect(mine).toMatchObject({ name: "by another name", module: "referred" });
    const unknown = { code: "VALIDATION_ERROR", details: [expect.objectContaining({ path: "module" })] };
    await expect(createFunction(db, accountId, module("nowhere"))).rejects.toMatchObject(unknown);
    await expect(patchFunction(db, accountId, mine.id, { module: "nowhere" })).rejects.toMatchObject(unknown);
    // A function of one's own is no module for others to refer to.
    await expect(createFunction(db, other.accountId, module("x", { module: "by another name" }))).rejects.toMatchObject(
      unknown,
    );
  });
});

describe("a function's name", () => {
  const taken = { code: "FUNCTION_NAME_TAKEN", details: [expect.objectContaining({ path: "name" })] };

  it("is taken once in an account, also when it is asked for twice at once", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => createFunction(db, account.accountId, http("twin"))),
    );
    expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(1);
    for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject(taken);
    await expect(createFunction(db, other.accountId, http("twin"))).resolves.toMatchObject({ name: "twin" });
  });

  it("cannot be changed to one that is taken", async () => {
    const { id } = await createFunction(db, account.accountId, http("one"));
    await createFunction(db, account.accountId, http("two"));
    await expect(patchFunction(db, account.accountId, id, { name: "two" })).rejects.toMatchObject(taken);
    expect(await patchFunction(db, account.accountId, id, { name: "one" })).toMatchObject({ name: "one" });
  });

  it("is free again when its function is deleted", async () => {
    const { id } = await createFunction(db, account.accountId, http("short-lived"));
    await deleteFunction(db, account.accountId, id);
    const next = await createFunction(db, account.accountId, http("short-lived"));
    expect(next.id).not.toBe(id);
  });
});

describe("changing a function", () => {
  it("changes what is named and keeps the rest", async () => {
    const created = await createFunction(
      db,
      account.accountId,
      http("old", { headers: { "x-a": "1" }, timeout_ms: 5 }),
    );
    const patched = await patchFunction(db, account.accountId, created.id, {
      url: "http://127.0.0.1:10/",
      timeout_ms: null,
      check: false,
    });
    expect(patched).toMatchObject({
      name: "old",
      url: "http://127.0.0.1:10/",
      headers: { "x-a": "1" },
      timeoutMs: null,
      check: false,
    });
    expect(patched?.createdAt).toEqual(created.createdAt);
  });

  it("refuses fields of the other kind", async () => {
    await registerModules(db, [loaded("kind")]);
    const one = await createFunction(db, account.accountId, http("http one"));
    const two = await createFunction(db, account.accountId, module("kind"));
    await expect(patchFunction(db, account.accountId, one.id, { module: "kind" })).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
    });
    await expect(patchFunction(db, account.accountId, two.id, { url: "http://127.0.0.1/" })).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
    });
  });
});

describe("versions of an uploaded function", () => {
  const compiled = { source: "export const perform = 1", language: "javascript", code: "", check: false } as const;

  it("get numbers of their own when several are made at once", async () => {
    const body = createFunctionBody.parse({ name: "uploaded", kind: "sandbox", source: compiled.source });
    const { id } = await createFunction(db, account.accountId, body, compiled);
    const patch = () => patchFunction(db, account.accountId, id, { source: compiled.source }, compiled);
    const rows = await Promise.all(Array.from({ length: 8 }, patch));
    expect(rows.map((row) => row?.version).sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await getFunction(db, account.accountId, id)).toMatchObject({ version: 9 });
  });
});

describe("deleting a function", () => {
  it("is refused while a job calls it, and possible once the job is deleted", async () => {
    const jobId = await makeJob(db, account, { name: "the user" });
    const { accountId, functionId } = account;
    await expect(deleteFunction(db, accountId, functionId)).rejects.toMatchObject({
      code: "FUNCTION_IN_USE",
      message: expect.stringContaining('"the user"'),
    });
    expect(await getFunction(db, accountId, functionId)).not.toBeNull();
    await deleteJob(db, accountId, jobId);
    expect(await deleteFunction(db, accountId, functionId)).toMatchObject({ id: functionId });
    expect(await getFunction(db, accountId, functionId)).toBeNull();
    expect(await deleteFunction(db, accountId, functionId)).toBeNull();
    expect((await listFunctions(db, accountId, { limit: 100 })).map((fn) => fn.id)).not.toContain(functionId);
  });

  it("and a job that begins to call it at the same time: never do both succeed", async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await createFunction(db, account.accountId, http(`contested ${round}`));
      const [made, deleted] = await Promise.allSettled([
        makeJob(db, { ...account, functionId: id }),
        deleteFunction(db, account.accountId, id),
      ]);
      expect([made.status, deleted.status].filter((s) => s === "fulfilled")).toHaveLength(1);
      if (made.status === "fulfilled") expect(await getJob(db, account.accountId, made.value)).not.toBeNull();
    }
  });
});

describe("another account's function", () => {
  it("is not there: to look at, to change, to delete or to call", async () => {
    const { id } = await createFunction(db, account.accountId, http("private"));
    expect(await getFunction(db, other.accountId, id)).toBeNull();
    expect(await patchFunction(db, other.accountId, id, { name: "stolen" })).toBeNull();
    expect(await deleteFunction(db, other.accountId, id)).toBeNull();
    expect((await listFunctions(db, other.accountId, { limit: 100 })).map((fn) => fn.id)).not.toContain(id);
    await expect(makeJob(db, { ...other, functionId: id })).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    expect(await getFunction(db, account.accountId, id)).toMatchObject({ name: "private" });
  });
});

describe("a list of functions", () => {
  it("is newest first, page by page", async () => {
    // Ids are in the order of their milliseconds: these are to be newer than what the account has already.
    const before = Date.now();
    await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(before);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await createFunction(db, other.accountId, http(`listed ${i}`))).id);
    const first = await listFunctions(db, other.accountId, { limit: 3 });
    const second = await listFunctions(db, other.accountId, { limit: 2, before: first.at(-1)?.id as string });
    // Of two that were made in the same millisecond either may come first.
    expect([...first, ...second].map((fn) => fn.id)).toEqual(ids.sort().reverse());
  });
});
