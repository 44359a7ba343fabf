const QUOTED = /(["'`])(?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^"'`\n]*\1/g;
/** Not what follows a host name, nor a relative path. */
const BARE = /file:\/\/[^\s"'`<>()]+|(?<![\w:/\\.…~-])(?:[A-Za-z]:[\\/]|\/)[^\s"'`<>():]+/g;
const USER_INFO = /(\w:\/\/)[^\s/@]+@/g;

/**
 * What a file of functions has thrown, for those who are not to know the worker's machine: of absolute paths only the
 * last part is left, of addresses not the user and password.
 */
export function withoutPaths(message: string): string {
  return message
    .replace(USER_INFO, "$1…@")
    .replace(QUOTED, (path, quote: string) => quote + lastPart(path.slice(1, -1)) + quote)
    .replace(BARE, lastPart);
}

const lastPart = (path: string): string => `…/${path.split(/[\\/]/).findLast((part) => part !== "") ?? ""}`;
