import { basename, extname } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type CheckHandler,
  type DefinedFunction,
  defineFunction,
  isDefinedFunction,
} from "@belfry/functions/define-function.ts";
import { describeThrown } from "./describe-thrown.ts";

/**
 * Imports a file, and so runs what is in it, and gives the function that it defines: its default export, or else
 * `handler(event)`, which is called for both phases and goes by the file's name. A string says why there is none.
 */
export async function readDefinition(path: string): Promise<DefinedFunction | string> {
  let module: { default?: unknown; handler?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as typeof module;
    if (module.default === undefined && typeof module.handler === "function") {
      return ofHandler(basename(path, extname(path)), module.handler as CheckHandler);
    }
  } catch (thrown) {
    return importProblem(thrown);
  }
  if (module.default === undefined) return 'has no default export, nor one named "handler"';
  if (!isDefinedFunction(module.default)) return "its default export was not made by defineFunction";
  return withAllFields(module.default);
}

function ofHandler(name: string, handler: CheckHandler): DefinedFunction {
  return defineFunction({ name, check: handler, perform: handler as never });
}

/** An older copy of the package made functions of fewer fields. */
function withAllFields(fn: DefinedFunction): DefinedFunction {
  const later = { description: "", enabled: true, input: null, setup: null, rollback: null, teardown: null };
  return { ...later, ...fn };
}

function importProblem(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING") {
    return "Node runs no .ts files under node_modules; move it elsewhere, or compile it to .js";
  }
  return `cannot be imported: ${describeThrown(thrown)}`;
}
