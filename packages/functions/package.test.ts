import { fileURLToPath } from "node:url";
import { type Packed, packPackage } from "@belfry/testing/pack.ts";
import { afterAll, beforeAll, expect, it } from "vitest";

let packed: Packed;
beforeAll(async () => {
  packed = await packPackage(fileURLToPath(new URL(".", import.meta.url)));
});
afterAll(() => packed.remove());

it("is published as publint would have it, with what it needs and nothing else", () => {
  expect(packed.problems).toEqual([]);
  expect(packed.manifest).toMatchObject({ license: "MIT", sideEffects: false, type: "module" });
  expect(packed.manifest).not.toHaveProperty("private");
  // Whoever writes functions installs nothing else.
  expect(packed.manifest).not.toHaveProperty("dependencies");
  expect(packed.files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "dist/main.js", "dist/main.d.ts"]));
  expect(packed.files.filter((file) => /test|signed-call/.test(file) || /[^d]\.ts$/.test(file))).toEqual([]);
});

it("runs in plain Node", async () => {
  const printed = await packed.run(`
    import { defineFunction, PermanentError } from "@belfry/functions";
    import { serve, sign } from "@belfry/functions/serve";
    import { serveNode } from "@belfry/functions/node";
    import { serveFastify } from "@belfry/functions/fastify";

    const secret = "whsec_" + btoa("0123456789abcdef0123456789abcdef");
    const hello = defineFunction({ name: "hello", perform: (event, { payload }) => "Hello, " + payload.name });
    const belfry = { execution_id: "e", attempt: 1, scheduled_for: "2030-01-01T00:00:00.000Z", trigger: "manual", payload: { name: "Zoë" } };
    const body = JSON.stringify({ automation_job: "j", phase: "perform", belfry });
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      "webhook-id": "e-perform",
      "webhook-timestamp": timestamp,
      "webhook-signature": await sign(secret, { id: "e-perform", timestamp, body }),
    };
    const response = await serve(hello, { secret })(new Request("http://fn/", { method: "POST", headers, body }));
    console.log(response.status, await response.json(), typeof serveNode(hello, { secret }), typeof serveFastify);
    console.log(new PermanentError("no") instanceof Error);
  `);
  expect(printed).toBe("200 Hello, Zoë function function\ntrue\n");
});

it("types what it is given, in the author's own compiler", async () => {
  const example = (performPayload: string) => `
    import { createServer } from "node:http";
    import { defineFunction } from "@belfry/functions";
    import { serve } from "@belfry/functions/serve";
    import { serveFastify } from "@belfry/functions/fastify";
    import { serveNode } from "@belfry/functions/node";

    const report = defineFunction<{ rows: number }>({
      name: "report",
      check: () => ({ shouldPerform: true, performPayload: ${performPayload} }),
      perform: (event, { signal }) => fetch("https://example.com/" + event.rows.toFixed(), { signal }).then((r) => r.status),
    });
    createServer(serveNode(report, { secret: process.env.BELFRY_SECRET })).listen(9000);
    export const plugin = serveFastify(report, { secret: process.env.BELFRY_SECRET });
    export default { fetch: serve((event) => event.phase, { secret: ["a", "b"] }) };
  `;
  expect(await packed.typeCheck(example("{ rows: 3 }"))).toBe("");
  expect(await packed.typeCheck(example('{ rows: "3" }'))).toContain(
    "Type 'string' is not assignable to type 'number'",
  );
});
