/** The examples of the documentation do what it says they do. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { openSandboxKit, type SandboxKit } from "@belfry/runners/test-sandbox.ts";
import { afterAll, beforeAll, expect, it } from "vitest";

let kit: SandboxKit;
let shop: Server;
let host: string;
let examples: Map<string, string>;
const reports: unknown[] = [];

beforeAll(async () => {
  kit = openSandboxKit();
  const docs = await readFile(new URL("../../docs/functions.md", import.meta.url), "utf8");
  examples = new Map(
    [...docs.matchAll(/```[jt]s\n\/\/ example: (\S+)\n([\s\S]*?)```/g)].map(
      ([, name, source]) => [name, source] as [string, string],
    ),
  );
  shop = createServer(async (request, response) => {
    const body = await text(request);
    if (body) reports.push([request.headers["idempotency-key"], JSON.parse(body)]);
    response.writeHead(body ? 201 : 200).end(JSON.stringify([{ total: 3 }, { total: 4 }]));
  });
  await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(shop.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await kit.close();
  shop.close();
});

async function example(name: string, language: "javascript" | "typescript") {
  const compiled = await kit.pool.compile("docs", examples.get(name) as string, language);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled;
}

it("one handler", async () => {
  const { code, check } = await example("handler", "javascript");
  expect(check).toBe(true);
  expect((await kit.call(code, { phase: "check", payload: { items: [] } })).output).toMatchObject({
    shouldPerform: false,
  });
  expect((await kit.call(code, { phase: "check", payload: { items: [1] } })).output).toMatchObject({
    shouldPerform: true,
    performPayload: { reason: "condition met" },
  });
  const { record } = await kit.call(code, { event: { reason: "condition met" } });
  expect(record).toMatchObject({
    output: { success: true },
    logs: [expect.stringMatching(/^info working for \S+ condition met$/)],
  });
});

it("a function for each phase", async () => {
  const { code } = await example("phases", "javascript");
  expect((await kit.call(code, { phase: "check", payload: { items: [1] } })).output).toEqual({ shouldPerform: true });
  const { record } = await kit.call(code, { payload: { items: [1, 2] } });
  expect(record).toMatchObject({ output: { items: 2 }, logs: ["info attempt 1 for 2026-11-20T09:00:00.000Z"] });
});

it("a default export that asks a server", async () => {
  const { code } = await example("defined", "typescript");
  const options = { payload: { api: `http://${host}` }, hosts: [host] };
  expect((await kit.call(code, { ...options, phase: "check" })).output).toEqual({
    shouldPerform: true,
    performPayload: { total: 7 },
  });
  expect((await kit.call(code, { ...options, event: { total: 7 } })).output).toEqual({ status: 201 });
  expect(reports).toEqual([[expect.any(String), { total: 7 }]]);
  expect((await kit.call(code, { ...options, phase: "check", hosts: [] })).error?.code).toBe("TARGET_BLOCKED");
});
