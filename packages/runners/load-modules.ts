import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type DefinedFunction, isDefinedFunction } from "@belfry/functions/define-function.ts";
import { describeThrown } from "./describe-thrown.ts";

/**
 * Loads every function of a folder: the default exports of the `.ts`, `.js` and `.mjs` files that lie directly in it,
 * tests (`*.test.*`), declarations (`*.d.ts`) and hidden files left out. Keyed by the functions' names.
 * @throws Error that names every file which cannot be used, and why. Nothing is loaded by halves.
 */
export async function loadModules(dir: string): Promise<Map<string, DefinedFunction>> {
  const folder = resolve(dir);
  const loaded = new Map<string, { file: string; module: DefinedFunction }>();
  const problems: string[] = [];
  for (const file of await functionFiles(folder)) {
    const result = await loadModule(join(folder, file));
    if (typeof result === "string") problems.push(`${file}: ${result}`);
    else if (loaded.has(result.name)) {
      const name = JSON.stringify(result.name);
      problems.push(`${loaded.get(result.name)?.file} and ${file}: both define a function named ${name}`);
    } else loaded.set(result.name, { file, module: result });
  }
  if (problems.length > 0) throw new Error(`cannot load the functions of ${folder}: ${problems.join("; ")}`);
  return new Map([...loaded].map(([name, { module }]) => [name, module]));
}

async function functionFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot load the functions of ${folder}: ${FOLDER_ERRORS[error.code ?? ""] ?? error.message}`);
  });
  const candidates = names.filter(
    (name) => /^[^.].*\.(?:ts|js|mjs)$/.test(name) && !/\.(?:test\..*|d\.ts)$/.test(name),
  );
  // stat follows links: a folder that Kubernetes mounts from a ConfigMap holds nothing else.
  // A link that leads nowhere stays in the list, and is then reported as a file that cannot be imported.
  const isFile = await Promise.all(
    candidates.map((name) =>
      stat(join(folder, name)).then(
        (found) => found.isFile(),
        () => true,
      ),
    ),
  );
  return candidates.filter((_, index) => isFile[index]).sort();
}

const FOLDER_ERRORS: Record<string, string> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "it is not a folder",
  EACCES: "the folder cannot be read",
};

/** The function that a file defines, or why there is none. */
async function loadModule(path: string): Promise<DefinedFunction | string> {
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (thrown) {
    return importProblem(thrown);
  }
  if (module.default === undefined) return "has no default export";
  if (!isDefinedFunction(module.default)) return "its default export was not made by defineFunction";
  return module.default;
}

function importProblem(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING") {
    return "Node runs no .ts files under node_modules; move it elsewhere, or compile it to .js";
  }
  return `cannot be imported: ${describeThrown(thrown)}`;
}
