import { registerHooks } from "node:module";

const PACKAGE = /^@belfry\/functions(?:\/|$)/;

/**
 * From now on a file that imports `@belfry/functions` where none is installed gets the worker's own copy: a folder of
 * functions may lie anywhere.
 */
export function offerOwnPackage(): void {
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (thrown) {
        if (!PACKAGE.test(specifier) || !isNotFound(thrown)) throw thrown;
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}

function isNotFound(thrown: unknown): boolean {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
}
