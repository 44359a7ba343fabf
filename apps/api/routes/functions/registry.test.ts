import { registerModules } from "@belfry/db/functions.ts";
import { registerWorker } from "@belfry/db/workers.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApi, type TestApi } from "../../test-api.ts";

const SINCE = "2026-11-20T12:00:00.000Z";
const ID = "build-host-7-1a2b3c";
let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  const fn = { name: "greet", description: "Greets", enabled: true };
  await registerModules(api.db, [{ ...fn, check: false, timeoutMs: null, file: "greet.ts" }]);
  await registerWorker(api.db, {
    ...{ id: ID, pool: "default", host: "build-host", pid: 7, concurrency: 1, modules: ["greet"] },
    offers: [{ ...fn, since: SINCE }],
    problems: [
      { file: "greet.ts", message: "cannot be imported: Cannot find package 'zod' imported from /srv/own/greet.ts" },
    ],
  });
});
afterAll(() => api.close());

const read = async (role: "member" | "admin") => {
  const answer = await (await api.newClient(role)).get("/automation/registry");
  expect(answer.statusCode).toBe(200);
  return answer;
};

it("tells an admin which worker it is, and the whole message", async () => {
  expect((await read("admin")).json()).toEqual({
    functions: [
      {
        ...{ name: "greet", description: "Greets", enabled: true },
        workers: [{ id: ID, pool: "default", since: SINCE }],
        problem: "greet.ts: cannot be imported: Cannot find package 'zod' imported from /srv/own/greet.ts",
      },
    ],
    problems: [
      {
        file: "greet.ts",
        message: "cannot be imported: Cannot find package 'zod' imported from /srv/own/greet.ts",
        workers: [ID],
      },
    ],
  });
});

it("tells a member neither machines nor paths", async () => {
  const answer = await read("member");
  const { functions, problems } = answer.json();
  expect(answer.body).not.toMatch(/build-host|srv/);
  expect(functions[0]).toMatchObject({
    workers: [{ id: expect.stringMatching(/^worker-[0-9a-f]{12}$/), pool: "default", since: SINCE }],
    problem: "greet.ts: cannot be imported: Cannot find package 'zod' imported from …/greet.ts",
  });
  expect(problems).toEqual([
    {
      file: "greet.ts",
      message: "cannot be imported: Cannot find package 'zod' imported from …/greet.ts",
      workers: [functions[0].workers[0].id],
    },
  ]);
});
