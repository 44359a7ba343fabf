import { afterAll, beforeAll, expect, it } from "vitest";
import { aJob, startTestApi, type TestApi } from "./test-api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

it("answers each of those that are read at once with its own job, and with none of another account's", async () => {
  const [one, other] = [await api.newClient(), await api.newClient()];
  const jobs = await Promise.all(Array.from({ length: 20 }, () => aJob(one)));
  const theirs = await aJob(other);
  const read = (id: string) => one.get(`/automation/jobs/${id}`);

  const asked = [...jobs, ...jobs].map(({ id }) => id);
  const [answers, hidden, theirOwn, shouted] = await Promise.all([
    Promise.all(asked.map(read)),
    read(theirs.id),
    other.get(`/automation/jobs/${theirs.id}`),
    read(jobs[0]?.id.toUpperCase() ?? ""),
  ]);
  expect(answers.map((answer) => answer.json())).toEqual([...jobs, ...jobs]);
  expect(hidden.json()).toMatchObject({ code: "NOT_FOUND", message: "job not found" });
  expect(theirOwn.json()).toEqual(theirs);
  expect(shouted.json()).toEqual(jobs[0]);
});

it("sees what was changed before it was asked", async () => {
  const client = await api.newClient();
  const { id } = await aJob(client, { name: "before" });
  const reading = client.get(`/automation/jobs/${id}`);
  await client.patch(`/automation/jobs/${id}`, { name: "after" });
  expect((await client.get(`/automation/jobs/${id}`)).json()).toMatchObject({ name: "after" });
  expect((await reading).statusCode).toBe(200);
});
