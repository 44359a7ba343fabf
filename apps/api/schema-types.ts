/** As much of a JSON schema as zod writes into an OpenAPI document. Bounds and patterns have no type. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  description?: string;
};

/** Gives the type of a part of a schema; `hint` is the property that it stands under. */
type Write = (schema: Schema, hint: string) => string;

export type TypeWriter = {
  write: Write;
  /** Of what `write` has given a name so far. */
  declarations: () => string[];
};

/** A type that is shorter than this is written out wherever it occurs. */
const WORTH_A_NAME = 120;

/** Where the name of the property says too little. */
const NAMES: Record<string, string> = { error: "ExecutionError", check: "PhaseRecord" };

/**
 * Writes TypeScript for JSON schemas. A type that occurs more than once in `roots` is declared once, under the name of
 * the property that has it first. `taken` are names that may not be given.
 */
export function typeWriter(roots: (readonly [hint: string, Schema])[], taken: Set<string>): TypeWriter {
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  const declarations: string[] = [];
  const inline = (schema: Schema): string => writeType(schema, inline, "");
  const mayBeNamed = (schema: Schema, text: string): boolean => text.length >= WORTH_A_NAME && !isNullable(schema);

  // What occurs again is not looked into again: its parts then occur once, in its declaration.
  const count: Write = (schema, hint) => {
    const text = inline(schema);
    const times = (counts.get(text) ?? 0) + 1;
    counts.set(text, times);
    if (times === 1 || !mayBeNamed(schema, text)) writeType(schema, count, hint);
    return "";
  };
  for (const [hint, schema] of roots) count(schema, hint);

  const write: Write = (schema, hint) => {
    const text = inline(schema);
    if (!mayBeNamed(schema, text) || (counts.get(text) ?? 0) < 2) return writeType(schema, write, hint);
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = freeName(NAMES[hint] ?? typeName(hint), taken);
    names.set(text, name);
    declarations.push(`export type ${name} = ${writeType(schema, write, hint)};`);
    return name;
  };
  return { write, declarations: () => declarations };
}

function writeType(schema: Schema, write: Write, hint: string): string {
  const union = schema.anyOf ?? schema.oneOf;
  if (schema.$ref !== undefined) return typeName(schema.$ref.split("/").at(-1) as string);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (union) return union.map((each) => write(each, hint)).join(" | ");
  if (schema.allOf) return schema.allOf.map((each) => `(${write(each, hint)})`).join(" & ");
  if (Array.isArray(schema.type))
    return schema.type.map((type) => writeType({ ...schema, type }, write, hint)).join(" | ");
  if (schema.type === "array") return `(${write(schema.items ?? {}, hint)})[]`;
  if (schema.type === "object") return writeObject(schema, write);
  if (schema.type === "integer") return "number";
  return schema.type ?? "unknown";
}

function writeObject({ properties = {}, required = [], additionalProperties }: Schema, write: Write): string {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const words = schema.description ? `/** ${schema.description} */ ` : "";
    return `${words}${propertyName(name, required.includes(name))}: ${write(schema, name)};`;
  });
  const rest = typeof additionalProperties === "object" ? write(additionalProperties, "") : "unknown";
  if (fields.length === 0) return `Record<string, ${rest}>`;
  // The named fields have to be of the rest's type as well, and are not.
  if (typeof additionalProperties === "object") fields.push("[key: string]: unknown;");
  return `{ ${fields.join(" ")} }`;
}

function isNullable({ anyOf = [], type }: Schema): boolean {
  return anyOf.some((each) => each.type === "null") || (Array.isArray(type) && type.includes("null"));
}

export function propertyName(name: string, isRequired: boolean): string {
  return `${/^[a-z_]\w*$/i.test(name) ? name : JSON.stringify(name)}${isRequired ? "" : "?"}`;
}

/** `Error` and `Function` mean something else wherever they are imported. */
export function typeName(name: string): string {
  const pascal = name.replace(/(?:^|[^a-z0-9]+)([a-z])/gi, (_, letter: string) => letter.toUpperCase());
  return pascal in globalThis ? `${pascal}Record` : pascal;
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}${number}`;
  taken.add(name);
  return name;
}
