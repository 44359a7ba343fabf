import { styleText } from "node:util";

/** What a person needs to go on, ready to paste. */
export function greeting({
  base,
  key,
  queue,
  database,
}: {
  base: string;
  key: string;
  queue: string;
  database: string;
}): string {
  const heading = (text: string) => styleText("bold", text);
  return `
${heading("Belfry is up.")}  ${queue}, ${database}

  API             ${base}
  Documentation   ${base}/docs
  Queues          ${base}/admin/queues   (any user name, the key as password)
  API key         ${key}

${heading("Try it:")}

  export KEY=${key}
  curl -s ${base}/automation/jobs -H "Authorization: Bearer $KEY"
  curl -s ${base}/automation/functions -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    -d '{"name": "mine", "kind": "http", "url": "http://127.0.0.1:9000/"}'
  curl -s ${base}/automation/jobs -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    -d '{"name": "every second", "function_id": "<id>", "schedule": "@every 1s"}'
  curl -s "${base}/automation/executions?limit=3" -H "Authorization: Bearer $KEY"

Executions, as they happen (Ctrl-C stops everything):
`;
}
