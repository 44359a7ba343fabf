import { reportAudit } from "@belfry/db/audit-report.ts";
import { errorAnswers, ledgerAuditAnswer } from "../../answers.ts";
import type { Route } from "../../app.ts";

export const auditLedgerRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/ledger/audit",
    config: { access: "admin" },
    schema: {
      operationId: "auditLedger",
      summary: "Check the ledger of the whole cluster",
      description:
        "Recomputes from the change history of every job of every account what was planned, and compares it with the ledger: holes, duplicates, what is stuck, counts that are off, and the terms of `due = success + failed + cancelled + skipped + running + pending`. Reads the whole ledger, which takes its time. Needs an admin's key.",
      tags: ["executions"],
      response: { 200: ledgerAuditAnswer, ...errorAnswers("FORBIDDEN") },
    },
    handler: (_request, reply) => reportAudit(db, {}, () => !reply.raw.destroyed),
  });
