/**
 * The process that imports the files of a folder of functions, one after the other, and says what each of them
 * defines. Arguments: the paths. Whatever they do at import they do here, and the worker waits for each only so long.
 */
import type { JsonObject } from "@belfry/contract/json.ts";
import type { DefinedFunction } from "@belfry/functions/define-function.ts";
import { describeThrown } from "./describe-thrown.ts";
import { recordCode } from "./module-code.ts";
import { offerOwnPackage } from "./own-package.ts";
import { readDefinition } from "./read-definition.ts";
import type { Finding, FromSurvey, ModuleFacts } from "./survey-messages.ts";

const SCHEMA_MAX_BYTES = 64 * 1024;

const channel = process.send?.bind(process) as (message: FromSurvey, ...more: unknown[]) => boolean;
delete process.send;
const send = (message: FromSurvey) => channel(message, undefined, undefined, () => undefined);
process.on("disconnect", () => process.exit(0));
// A file that throws later, from a timer, has been judged by its import; those after it are not to suffer.
process.on("uncaughtException", () => undefined);

offerOwnPackage();
const codeOf = recordCode();
for (const file of process.argv.slice(2)) {
  send({ importing: file });
  const found = await readDefinition(file);
  send({ file, found: typeof found === "string" ? found : findingOf(found, file) });
}
process.disconnect?.();

function findingOf(fn: DefinedFunction, file: string): Finding {
  try {
    return { facts: factsOf(fn), code: codeOf(file) };
  } catch (thrown) {
    return `cannot be read: ${describeThrown(thrown)}`;
  }
}

function factsOf(fn: DefinedFunction): ModuleFacts {
  return {
    name: fn.name,
    description: fn.description,
    enabled: fn.enabled,
    check: fn.check !== null,
    rollback: fn.rollback !== null,
    teardown: fn.teardown !== null,
    timeoutMs: fn.timeoutMs,
    inputSchema: inputSchemaOf(fn),
  };
}

/** Null as well for a schema that JSON schema cannot express: then only the run itself can tell. */
function inputSchemaOf({ input }: DefinedFunction): JsonObject | null {
  try {
    const schema = input?.["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
    if (!schema) return null;
    const text = JSON.stringify(schema);
    return text.length > SCHEMA_MAX_BYTES ? null : (JSON.parse(text) as JsonObject);
  } catch {
    return null;
  }
}
