import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApi, type TestApi } from "./test-api.ts";

type Response = { description: string; content: { "application/json": { schema: { $ref?: string } } } };
type Operation = {
  operationId: string;
  summary: string;
  tags: string[];
  security?: object[];
  requestBody?: object;
  responses: Record<string, Response>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
  security: object[];
};

let api: TestApi;
let document: Document;
let operations: (Operation & { method: string; path: string })[];

beforeAll(async () => {
  api = await startTestApi();
  document = (await api.app.inject("/openapi.json")).json();
  operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, operation]) => ({ ...operation, method, path })),
  );
});
afterAll(() => api.close());

describe("/openapi.json", () => {
  it("describes every endpoint", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort()).toEqual([
      "DELETE /automation/calendars/{id}",
      "DELETE /automation/functions/{id}",
      "DELETE /automation/jobs/{id}",
      "GET /automation/account",
      "GET /automation/calendars",
      "GET /automation/calendars/{id}",
      "GET /automation/executions",
      "GET /automation/executions/{id}",
      "GET /automation/functions",
      "GET /automation/functions/{id}",
      "GET /automation/functions/{id}/versions",
      "GET /automation/functions/{id}/versions/{version}",
      "GET /automation/jobs",
      "GET /automation/jobs/{id}",
      "GET /automation/jobs/{id}/executions",
      "GET /automation/jobs/{id}/next-runs",
      "GET /automation/jobs/{id}/occurrences",
      "GET /automation/ledger/audit",
      "GET /automation/registry",
      "GET /automation/sandbox/types",
      "GET /automation/system/duties",
      "GET /livez",
      "GET /readyz",
      "PATCH /automation/accounts/{id}",
      "PATCH /automation/calendars/{id}",
      "PATCH /automation/functions/{id}",
      "PATCH /automation/jobs/{id}",
      "POST /automation/calendars",
      "POST /automation/calendars/{id}/import",
      "POST /automation/executions/{id}/cancel",
      "POST /automation/executions/{id}/complete",
      "POST /automation/executions/{id}/heartbeat",
      "POST /automation/functions",
      "POST /automation/functions/{id}/reset-breaker",
      "POST /automation/functions/{id}/rollback",
      "POST /automation/functions/{id}/rotate-secret",
      "POST /automation/functions/{id}/test",
      "POST /automation/jobs",
      "POST /automation/jobs/{id}/pause",
      "POST /automation/jobs/{id}/resume",
      "POST /automation/jobs/{id}/run",
      "POST /automation/jobs:bulk",
      "POST /automation/schedules/preview",
    ]);
  });

  it("gives each an id of its own, a summary, a tag and its answers", () => {
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { summary, tags, responses } of operations) {
      expect(summary).not.toBe("");
      expect(tags.length).toBeGreaterThan(0);
      for (const { description } of Object.values(responses)) expect(description).not.toMatch(/^(Default Response)?$/);
    }
  });

  it("says of a call that takes JSON or lines what each of them is", () => {
    const { requestBody } = operations.find(({ operationId }) => operationId === "createJobs") as Operation;
    expect(requestBody).toMatchObject({
      content: {
        "application/json": { schema: { type: "object", properties: { jobs: { type: "array", maxItems: 10_000 } } } },
        "application/x-ndjson": { schema: { type: "string" } },
      },
    });
  });

  it("says that all but health needs a key, and what comes without one", () => {
    expect(document.security).toEqual([{ apiKey: [] }]);
    expect(document.components.securitySchemes.apiKey).toMatchObject({ type: "http", scheme: "bearer" });
    for (const { path, security, responses } of operations) {
      if (path.startsWith("/automation/")) {
        expect(security).toEqual(/\/(complete|heartbeat)$/.test(path) ? [{ phaseToken: [] }] : undefined);
        expect(responses["401"]?.content["application/json"].schema).toEqual({ $ref: "#/components/schemas/Error" });
      } else expect(security).toEqual([]);
    }
  });

  it("names the shapes of the answers, and refers to nothing that it does not name", () => {
    expect(Object.keys(document.components.schemas).sort()).toEqual([
      "Account",
      "Calendar",
      "CalendarSummary",
      "CallbackReceipt",
      "ChangedCalendar",
      "CreatedFunction",
      "CreatedJobs",
      "Duty",
      "Error",
      "Execution",
      "ExecutionWithAttempts",
      "Function",
      "FunctionTest",
      "FunctionVersion",
      "FunctionVersionWithSource",
      "ImportedCalendar",
      "ImportedJobs",
      "Job",
      "LedgerAudit",
      "Occurrence",
      "Registry",
      "RotatedSecret",
      "SchedulePreview",
    ]);
    const refs = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    for (const [, name] of refs) expect(document.components.schemas).toHaveProperty(name as string);
  });
});

describe("/docs", () => {
  it("is a page", async () => {
    const answer = await api.app.inject("/docs/");
    expect(answer.headers["content-type"]).toContain("text/html");
    expect((await api.app.inject("/docs/static/swagger-ui.css")).statusCode).toBe(200);
  });
});
