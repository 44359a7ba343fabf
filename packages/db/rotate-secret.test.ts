import { createFunctionBody } from "@belfry/contract/function.ts";
import { makeAccount, makeJob, makeWorker, openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { claimExecutions } from "./executions.ts";
import { validSecrets } from "./function-secrets.ts";
import { createFunction, deleteFunction, registerModules } from "./functions.ts";
import { runJob } from "./jobs.ts";
import { rotateSecret } from "./rotate-secret.ts";

let ledger: TestLedger;
let accountId: string;
let worker: string;
let names = 0;

beforeAll(async () => {
  ledger = await openTestLedger();
  ({ accountId } = await makeAccount(ledger.db));
  worker = await makeWorker(ledger.db);
});
afterAll(() => ledger.close());

const DAY_MS = 86_400_000;
const aFunction = () => {
  const body = createFunctionBody.parse({ name: `f ${++names}`, kind: "http", url: "https://example.test/" });
  return createFunction(ledger.db, accountId, body) as Promise<{ id: string; signingSecret: string }>;
};
const rotate = async (id: string, overlapMs = DAY_MS) =>
  (await rotateSecret(ledger.db, accountId, id, overlapMs))?.secret as string;
const valid = (id: string) => validSecrets(ledger.db, id);
/** As if so much time had passed. */
const letSecretsAge = (id: string, ms: number) =>
  ledger.db.execute(sql`
    update function_secrets set expires_at = expires_at - make_interval(secs => ${ms} / 1000.0) where function_id = ${id}`);

/** The secrets that an execution of the function brings to its worker. */
async function claimed(functionId: string): Promise<string[] | null | undefined> {
  const jobId = await makeJob(ledger.db, { accountId, key: "", functionId }, { schedule: "0 0 1 1 *" });
  const executionId = (await runJob(ledger.db, accountId, jobId))?.executionId as string;
  const [claim] = await claimExecutions(ledger.db, worker, [{ executionId, attempt: 1 }]);
  return claim?.function.secrets;
}

it("the secret that a function is made with comes with each claim", async () => {
  const { id, signingSecret } = await aFunction();
  expect(signingSecret).toMatch(/^whsec_/);
  expect(await valid(id)).toEqual([signingSecret]);
  expect(await claimed(id)).toEqual([signingSecret]);
});

it("a new secret comes first, and the older one stays beside it until its end", async () => {
  const { id, signingSecret: first } = await aFunction();
  const second = await rotate(id);
  expect(await claimed(id)).toEqual([second, first]);
  await letSecretsAge(id, DAY_MS - 60_000);
  expect(await valid(id)).toEqual([second, first]);
  await letSecretsAge(id, 60_000);
  expect(await valid(id)).toEqual([second]);
  expect(await claimed(id)).toEqual([second]);
});

it("rotating again, since the answer was lost, leaves valid what the receivers know", async () => {
  const { id, signingSecret: first } = await aFunction();
  const lost = await rotate(id);
  const third = await rotate(id);
  expect((await valid(id)).sort()).toEqual([first, lost, third].sort());
});

it("no rotation lengthens what an earlier one has left, and one without overlap ends it all", async () => {
  const { id, signingSecret: first } = await aFunction();
  await rotate(id, 1_000);
  await rotate(id, 30 * DAY_MS);
  await letSecretsAge(id, 1_000);
  expect(await valid(id)).not.toContain(first);
  const only = await rotate(id, 0);
  expect(await valid(id)).toEqual([only]);
});

it("two that rotate at once get a secret each, and both are valid", async () => {
  const { id, signingSecret: first } = await aFunction();
  const both = await Promise.all([rotate(id), rotate(id)]);
  expect((await valid(id)).sort()).toEqual([first, ...both].sort());
});

it("a function that was made before there were secrets is signed from its first rotation on", async () => {
  const { id } = await aFunction();
  await ledger.db.execute(sql`delete from function_secrets where function_id = ${id}`);
  expect(await claimed(id)).toBeNull();
  const rotated = await rotateSecret(ledger.db, accountId, id, DAY_MS);
  expect(rotated?.olderUntil).toBeNull();
  expect(await claimed(id)).toEqual([rotated?.secret]);
});

it("a module has none, and a deleted function has none any more", async () => {
  await registerModules(ledger.db, [{ name: "mod", description: "", check: false, timeoutMs: null }]);
  const body = createFunctionBody.parse({ name: "of mod", kind: "module", module: "mod" });
  const module = await createFunction(ledger.db, accountId, body);
  expect(module.signingSecret).toBeNull();
  expect(await claimed(module.id)).toBeNull();

  const { id } = await aFunction();
  await deleteFunction(ledger.db, accountId, id);
  expect(await valid(id)).toEqual([]);
  expect(await rotateSecret(ledger.db, accountId, id, DAY_MS)).toBeNull();
});
