import { propertyName, type Schema, type TypeWriter, typeName, typeWriter } from "./schema-types.ts";

/** As much of an OpenAPI document as a client needs. */
export type OpenApi = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};
type Content = { required?: boolean; content?: Record<string, { schema: Schema }> };
type Parameter = { in: string; name: string; required?: boolean; schema: Schema };
type Operation = {
  operationId: string;
  summary: string;
  description?: string;
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: Content;
  responses: Record<string, Content>;
};
type Located = Operation & { path: string; method: string };

/**
 * The source of the client's `api.ts`: the type of each answer that has a name, the interface with a method for each
 * operation, and the table by which the methods are made.
 */
export function clientSource(document: OpenApi): string {
  const answers = Object.entries(document.components.schemas);
  const operations = Object.entries(document.paths)
    .flatMap(([path, byMethod]) =>
      Object.entries(byMethod).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
    )
    .filter(takesOurKey);
  const types = typeWriter(
    [...answers, ...operations.flatMap(schemasOf)],
    new Set(["Client", ...answers.map(([name]) => typeName(name))]),
  );
  const named = answers.map(([name, schema]) => `export type ${typeName(name)} = ${types.write(schema, name)};`);
  const methods = operations.map((operation) => `${comment(operation)}${methodOf(operation, types)}`);
  const rows = operations.map((operation) => `${operation.operationId}: ${JSON.stringify(rowOf(operation))},`);
  return [
    "// Made from the API's OpenAPI document by `npm run client:generate`. Not to be changed by hand.",
    'import type { Call, List } from "./call.ts";',
    ...named,
    ...types.declarations(),
    `export interface Client {\n${methods.join("\n\n")}\n}`,
    `/** Method, path, and what is special about it. */\nexport const OPERATIONS = {\n${rows.join("\n")}\n} as const;\n`,
  ].join("\n\n");
}

function schemasOf(operation: Located): [string, Schema][] {
  const { operationId, parameters = [], requestBody } = operation;
  return [
    ...parameters.map(({ name, schema }): [string, Schema] => [name, schema]),
    ...[requestBody, answerOf(operation)].map((each): [string, Schema] => [operationId, schemaOf(each)]),
  ];
}

/** What goes into the path and into the query stand side by side; no operation has the same name in both. */
function methodOf(operation: Located, { write }: TypeWriter): string {
  const { operationId, parameters = [], requestBody } = operation;
  const shown = parameters.filter((parameter) => parameter.in !== "header").sort(byNeed);
  const fields = shown.map(
    (each) => `${propertyName(each.name, each.required === true)}: ${write(each.schema, each.name)};`,
  );
  if (requestBody)
    fields.push(`body${requestBody.required === false ? "?" : ""}: ${write(schemaOf(requestBody), operationId)};`);
  if (takesKey(operation)) fields.push("idempotencyKey?: string;");
  const input = fields.length > 0 ? `{ ${fields.join(" ")} }` : "object";
  const answer = schemaOf(answerOf(operation));
  if (isPaged(operation)) return `${operationId}: List<${input}, ${write(answer.items ?? {}, operationId)}>;`;
  return `${operationId}: Call<${input}, ${write(answer, operationId)}>;`;
}

function rowOf(operation: Located): unknown[] {
  const bodyType = Object.keys(operation.requestBody?.content ?? {})[0];
  const special = {
    ...(isPaged(operation) && { isPaged: true }),
    ...(takesKey(operation) && { takesKey: true }),
    ...(bodyType !== undefined && bodyType !== "application/json" && { bodyType }),
  };
  return [operation.method, operation.path, special];
}

/** What wants another credential than the account's key is not for the client. */
const takesOurKey = ({ security = [] }: Operation): boolean => security.every((each) => "apiKey" in each);
const byNeed = (a: Parameter, b: Parameter): number => Number(b.required ?? false) - Number(a.required ?? false);
const takesKey = ({ parameters = [] }: Operation): boolean => parameters.some(({ name }) => name === "idempotency-key");
const isPaged = ({ parameters = [] }: Operation): boolean => parameters.some(({ name }) => name === "cursor");

function answerOf({ responses }: Operation): Content | undefined {
  return Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1];
}

function schemaOf(content: Content | undefined): Schema {
  return Object.values(content?.content ?? {})[0]?.schema ?? {};
}

function comment({ summary, description }: Operation): string {
  return `/** ${[summary, description].filter(Boolean).join(". ")} */\n`;
}
