/**
 * What can keep a local PostgreSQL from starting; `message` is one line for people.
 *
 * - `unsupported_platform`: no binaries for this system, or they do not run on it
 * - `no_permission`: a folder or a process belongs to somebody else
 * - `port_in_use`: the port that was asked for is taken
 * - `in_use`: another living process runs a server on the same data
 * - `bad_data`: the data folder holds something else, or was made by another major version
 * - `failed`: anything else, with the server's own last words
 */
export type LocalPostgresErrorCode =
  | "unsupported_platform"
  | "no_permission"
  | "port_in_use"
  | "in_use"
  | "bad_data"
  | "failed";

export class LocalPostgresError extends Error {
  readonly code: LocalPostgresErrorCode;

  constructor(code: LocalPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LocalPostgresError";
    this.code = code;
  }
}

/** Turns what `postgres` or `initdb` wrote before it gave up into an error with one line. */
export function explainFailure(output: string, context: { port: number; dataDir: string }): LocalPostgresError {
  if (/could not bind .*: (Address already in use|Permission denied)/.test(output)) {
    const reason = output.includes("Permission denied") ? "may not be opened by this user" : "is in use";
    return new LocalPostgresError(
      "port_in_use",
      `PostgreSQL cannot listen on 127.0.0.1:${context.port}: the port ${reason}`,
    );
  }
  if (output.includes("database files are incompatible with server")) {
    return new LocalPostgresError(
      "bad_data",
      `the data in ${context.dataDir} was made by another version of PostgreSQL: ${detail(output)}`,
    );
  }
  if (/Permission denied|has wrong ownership|could not access directory/.test(output)) {
    return new LocalPostgresError("no_permission", `PostgreSQL may not use ${context.dataDir}: ${lastWords(output)}`);
  }
  return new LocalPostgresError("failed", `PostgreSQL did not start on ${context.dataDir}: ${lastWords(output)}`);
}

/** A system call that failed on a folder or a process of somebody else, as an error with one line; other errors as they are. */
export function explainSystemError(error: unknown): unknown {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") return error;
  const what = path === undefined ? (syscall ?? "a system call") : `${syscall ?? "access"} ${path}`;
  return new LocalPostgresError("no_permission", `not permitted for this user: ${what} (${code})`, { cause: error });
}

/** True when a server that died a moment ago still has processes or memory around, which passes by itself. */
export function passesByItself(output: string): boolean {
  return /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(output);
}

function detail(output: string): string {
  return /DETAIL:\s*(.*)/.exec(output)?.[1] ?? lastWords(output);
}

function lastWords(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const cause = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  return cause?.replace(/^.*?(FATAL|PANIC|error):\s*/, "").trim() ?? "it gave no reason";
}
