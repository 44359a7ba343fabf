import { getAccount } from "@belfry/db/accounts.ts";
import { accountAnswer, errorAnswers } from "../../answers.ts";
import { accountOf, type Route } from "../../app.ts";
import { found } from "../../not-found.ts";
import { presentAccount } from "../../present-account.ts";

export const getAccountRoute: Route = (app, { db }) =>
  app.route({
    method: "GET",
    url: "/automation/account",
    schema: {
      operationId: "getAccount",
      summary: "Get the account that the key belongs to",
      description: "With what its functions may do at most, all together.",
      tags: ["accounts"],
      response: { 200: accountAnswer, ...errorAnswers("NOT_FOUND") },
    },
    handler: async (request) => presentAccount(found("account", await getAccount(db, accountOf(request)))),
  });
