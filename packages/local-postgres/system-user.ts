import { spawnSync } from "node:child_process";
import { existsSync, lstatSync } from "node:fs";
import { LocalPostgresError } from "./failure.ts";

/** Whom the server runs as when we are root; PostgreSQL refuses to run as root itself. */
export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

const OWN_USER = "belfry-postgres";

/**
 * Undefined for an ordinary user, who runs the server as himself. As root: the owner of the data if there is data (so
 * that a folder made by an ordinary user stays his), else `postgres` if the system has it, else a system user of our own.
 */
export function chooseSystemUser(dataDirs: string[]): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = dataDirs.map(ownerOf).find((found) => found !== undefined);
  return owner ?? lookUp("postgres") ?? lookUp(OWN_USER) ?? create();
}

/** Options for `spawn`: the user, a working directory that anyone may enter, and no variable that could sway PostgreSQL. */
export function runAs(user: SystemUser | undefined): {
  uid?: number;
  gid?: number;
  cwd: string;
  env: NodeJS.ProcessEnv;
} {
  return {
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    cwd: "/",
    // Messages are read by us, so they must be English whatever the locale, and PGDATA or PGOPTIONS must not leak in.
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
  };
}

/** True when `user` can enter the folder. Asked by trying, since modes alone do not tell (groups, ACLs, mounts). */
export function canEnter(folder: string, user: SystemUser): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { ...runAs(user), stdio: "ignore" }).status === 0;
}

function ownerOf(dataDir: string): SystemUser | undefined {
  if (!existsSync(`${dataDir}/PG_VERSION`)) return undefined;
  const { uid, gid } = lstatSync(dataDir);
  // PostgreSQL looks its user up by number, so an owner without a name (another machine's folder) cannot run it.
  const name = id("-un", String(uid));
  return uid === 0 || name === undefined ? undefined : { name, uid, gid };
}

function lookUp(name: string): SystemUser | undefined {
  const uid = id("-u", name);
  const gid = id("-g", name);
  return uid === undefined || gid === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

function create(): SystemUser {
  // useradd is everywhere but on BusyBox systems, which have adduser.
  const attempts: [string, string[]][] = [
    ["useradd", ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", OWN_USER]],
    ["adduser", ["-S", "-D", "-H", OWN_USER]],
  ];
  for (const [command, args] of attempts) {
    spawnSync(command, args, { stdio: "ignore" });
    const created = lookUp(OWN_USER);
    if (created !== undefined) return created;
  }
  throw new LocalPostgresError(
    "no_permission",
    `PostgreSQL does not run as root, and the user "${OWN_USER}" could not be created: run as an ordinary user or set DATABASE_URL`,
  );
}

function id(flag: string, who: string): string | undefined {
  const result = spawnSync("id", [flag, who], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}
