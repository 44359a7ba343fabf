import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeSharedFolder, SHARED_FOLDER } from "./binaries.ts";
import { explainFailure, LocalPostgresError } from "./failure.ts";
import { canEnter, runAs, type SystemUser } from "./system-user.ts";

/**
 * Where the data really go: `dataDir`, unless we are root and the user whom the server runs as cannot get there (a clone
 * below /root). Data that were once placed elsewhere stay there, even when the folder has become reachable since.
 */
export function placeDataFolder(dataDir: string, user: SystemUser | undefined, log: (line: string) => void): string {
  mkdirSync(dirname(dataDir), { recursive: true });
  if (user === undefined) return dataDir;
  const elsewhere = otherPlaceFor(dataDir);
  if (canEnter(dirname(dataDir), user) && (hasData(dataDir) || !hasData(elsewhere))) return dataDir;
  makeSharedFolder();
  log(`keeping the data in ${elsewhere}, since the user "${user.name}" cannot enter ${dirname(dataDir)}`);
  return elsewhere;
}

/** The folder that stands in for a `dataDir` which the server's user cannot reach. */
export function otherPlaceFor(dataDir: string): string {
  return join(SHARED_FOLDER, `data-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`);
}

/**
 * Makes the database cluster when there is none yet and answers the password of its superuser `postgres`. The password
 * stays in `<dir>.password`, readable by its owner only. What an `initdb` that was killed left behind is removed: the work
 * happens in a folder beside `dir` that takes its name when it is whole.
 */
export async function ensureCluster(
  dir: string,
  initdb: string,
  user: SystemUser | undefined,
  options: { sync: boolean },
): Promise<string> {
  const passwordFile = `${dir}.password`;
  if (hasData(dir)) return readPassword(dir, passwordFile);
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new LocalPostgresError("bad_data", `${dir} is neither empty nor a PostgreSQL data folder`);
  }

  for (const name of readdirSync(dirname(dir))) {
    if (name.startsWith(`${basename(dir)}.new-`))
      rmSync(join(dirname(dir), name), { recursive: true, force: true, maxRetries: 5 });
  }
  const unfinished = mkdtempSync(`${dir}.new-`);
  const password = randomBytes(24).toString("base64url");
  const passwordForInitdb = join(unfinished, "password");
  writeFileSync(passwordForInitdb, password, { mode: 0o600 });
  if (user !== undefined) {
    chownSync(unfinished, user.uid, user.gid);
    chownSync(passwordForInitdb, user.uid, user.gid);
  }
  await runInitdb(initdb, join(unfinished, "data"), passwordForInitdb, user, options.sync);

  // The password goes first: data without their password would be of no use.
  writeFileSync(passwordFile, password, { mode: 0o600 });
  chmodSync(passwordFile, 0o600);
  renameSync(join(unfinished, "data"), dir);
  rmSync(unfinished, { recursive: true, force: true });
  return password;
}

function hasData(dir: string): boolean {
  return existsSync(join(dir, "PG_VERSION")) && existsSync(join(dir, "global", "pg_control"));
}

function readPassword(dir: string, passwordFile: string): string {
  if (existsSync(passwordFile)) return readFileSync(passwordFile, "utf8").trim();
  throw new LocalPostgresError(
    "bad_data",
    `${passwordFile}, which holds the password of the data in ${dir}, is missing`,
  );
}

function runInitdb(
  initdb: string,
  dir: string,
  passwordFile: string,
  user: SystemUser | undefined,
  sync: boolean,
): Promise<void> {
  const args = [
    `--pgdata=${dir}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // PostgreSQL's own C.UTF-8 knows letters of all languages and depends on no locale of the system.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
    ...(sync ? [] : ["--no-sync"]),
  ];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(initdb, args, { ...runAs(user), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.on("error", reject);
  child.on("close", (code) => (code === 0 ? resolve() : reject(explainFailure(output, { port: 0, dataDir: dir }))));
  return promise;
}
