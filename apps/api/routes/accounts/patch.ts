import { patchAccountBody } from "@belfry/contract/account.ts";
import { patchAccount } from "@belfry/db/accounts.ts";
import { accountAnswer, errorAnswers } from "../../answers.ts";
import type { Route } from "../../app.ts";
import { found, idOf } from "../../not-found.ts";
import { presentAccount } from "../../present-account.ts";

export const patchAccountRoute: Route = (app, { db }) =>
  app.route({
    method: "PATCH",
    url: "/automation/accounts/:id",
    config: { access: "admin" },
    schema: {
      operationId: "patchAccount",
      summary: "Change what an account may do at most",
      description:
        "`max_concurrency` attempts of all its functions run at once, and `rate_limit.starts` begin in any `rate_limit.per_seconds` seconds; null is no limit. What is absent stays as it is. What runs goes on. Needs an admin's key.",
      tags: ["accounts"],
      params: idOf("account"),
      body: patchAccountBody,
      response: {
        200: accountAnswer,
        ...errorAnswers(
          "MALFORMED_JSON",
          "FORBIDDEN",
          "NOT_FOUND",
          "PAYLOAD_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_ERROR",
        ),
      },
    },
    async handler(request) {
      const row = found("account", await patchAccount(db, request.params.id, request.body));
      request.log.info({ account_id: row.id, fields: Object.keys(request.body) }, "account updated");
      return presentAccount(row);
    },
  });
