/**
 * The code of a module, read once: the process that surveys a folder records what it imports, and hosts are given that
 * in place of what lies on the disk by then. So an edit that breaks a file breaks nothing that runs, and a host that
 * dies is replaced by one of the same code.
 */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/** What a file's own code consists of: the files that it imports, directly or not, packages left out. Addresses are `file:` URLs. */
export type ModuleCode = {
  /** Which file an import leads to. */
  links: { parent: string; specifier: string; url: string }[];
  /** What is required as CommonJS may have no format: Node then goes by the text. */
  files: Record<string, { format?: string | undefined; text: string }>;
};

const TEXT_FORMATS = /^(?:(?:module|commonjs)(?:-typescript)?|typescript|json)$/;
/** What functions are made with is the worker's own. */
const SDK = new URL(".", import.meta.resolve("@belfry/functions/define-function.ts")).href;

const isOwnCode = (url: string) => url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(SDK);

/** Records from now on what is imported, and gives the code of a file that has been. */
export function recordCode(): (path: string) => ModuleCode {
  const links = new Map<string, ModuleCode["links"][number]>();
  const files = new Map<string, ModuleCode["files"][string]>();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const parent = context.parentURL ?? "";
      if (isOwnCode(found.url)) links.set(keyOf(parent, specifier), { parent, specifier, url: found.url });
      return found;
    },
    load(url, context, next) {
      const found = next(url, context);
      const { source } = found;
      const format = found.format ?? context.format ?? undefined;
      if (isOwnCode(url) && source != null && (format === undefined || TEXT_FORMATS.test(format)))
        files.set(url, {
          format,
          text: typeof source === "string" ? source : Buffer.from(source as Buffer).toString(),
        });
      return found;
    },
  });
  return (path) => codeOf(pathToFileURL(path).href);

  function codeOf(entry: string): ModuleCode {
    const all = [...links.values()];
    const code: ModuleCode = { links: all.filter(({ specifier }) => specifier === entry), files: {} };
    // Grows while it is gone through.
    for (const { url } of code.links) {
      const file = files.get(url);
      if (code.files[url] || !file) continue;
      code.files[url] = file;
      code.links.push(...all.filter(({ parent }) => parent === url));
    }
    return code;
  }
}

/** From now on imports that were recorded give what they gave then; all others what is on the disk. */
export function replayCode({ links, files }: ModuleCode): void {
  const urls = new Map(links.map(({ parent, specifier, url }) => [keyOf(parent, specifier), url]));
  registerHooks({
    resolve(specifier, context, next) {
      const url = urls.get(keyOf(context.parentURL ?? "", specifier));
      const file = url === undefined ? undefined : files[url];
      return url !== undefined && file ? { url, format: file.format, shortCircuit: true } : next(specifier, context);
    },
    load(url, context, next) {
      const file = files[url];
      return file ? { format: file.format, source: file.text, shortCircuit: true } : next(url, context);
    },
  });
}

const keyOf = (parent: string, specifier: string): string => JSON.stringify([parent, specifier]);
