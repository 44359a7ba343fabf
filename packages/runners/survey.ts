import { spawn } from "node:child_process";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { FileProblem } from "@belfry/contract/registry.ts";
import { functionFiles } from "./function-files.ts";
import { hostEnv } from "./host-env.ts";
import { type Reaper, startReaper } from "./host-reaper.ts";
import type { ModuleCode } from "./module-code.ts";
import { firstBytes, toStorableText } from "./storable-text.ts";
import type { Finding, FromSurvey, ModuleFacts } from "./survey-messages.ts";

const ENTRY = fileURLToPath(new URL("survey-host.ts", import.meta.url));
const IMPORT_MS = 5000;
const MESSAGE_MAX_BYTES = 4096;

/** A module that hosts can run. The object itself stands for this version of it. */
export type SurveyedModule = ModuleFacts & {
  file: string;
  path: string;
  /** What hosts run, whatever becomes of the file. */
  code: ModuleCode;
  /** Its file has changed since to something that cannot be used: what runs is an older version. */
  outdated: boolean;
};

export type Survey = { modules: Map<string, SurveyedModule>; problems: FileProblem[] };

/**
 * What the files of a folder define, by the functions' names, and what is wrong with the others. They are imported in
 * a process of their own, one after the other; one that does not come to its end within `importMs` is given up, and so
 * is that process.
 * @throws Error if the folder cannot be read.
 */
export async function surveyModules(dir: string, { importMs = IMPORT_MS } = {}): Promise<Survey> {
  const folder = resolve(dir);
  let rest = (await functionFiles(folder)).map((file) => join(folder, file));
  const found: Found[] = [];
  if (rest.length === 0) return sortOut(found);
  const reaper = startReaper(() => undefined);
  try {
    while (rest.length > 0) {
      const seen = await surveySome(rest, importMs, reaper);
      found.push(...seen);
      rest = rest.slice(seen.length);
    }
    return sortOut(found);
  } finally {
    reaper.close();
  }
}

type Found = { path: string; found: Finding };

/** What one process has found out, up to and with the file that it did not survive. Never empty. */
function surveySome(paths: string[], importMs: number, reaper: Reaper): Promise<Found[]> {
  const seen: Found[] = [];
  const child = spawn(process.execPath, [ENTRY, ...paths], {
    env: hostEnv(process.env),
    stdio: ["ignore", process.stderr.fd, process.stderr.fd, "ipc"],
    detached: true,
  });
  if (child.pid !== undefined) reaper.add(child.pid);
  const { promise, resolve: done } = Promise.withResolvers<typeof seen>();
  let ended = false;
  const timer = setTimeout(
    () => finish(`was not imported within ${importMs} ms: it waits for something that does not come, or loops`),
    importMs,
  );
  child.on("message", (message: FromSurvey) => {
    if (ended) return;
    timer.refresh();
    if (!("file" in message) || message.file !== paths[seen.length]) return;
    seen.push({ path: message.file, found: message.found });
    if (seen.length === paths.length) finish(null);
  });
  child.once("error", (error) => finish(`could not be looked at: ${error.message}`));
  const closed = new Promise<void>((closing) => child.once("disconnect", closing));
  child.once("exit", (code, signal) => {
    void closed.then(() => finish(`ended the process that imported it (${signal ?? `exit code ${code}`})`));
  });
  return promise;

  function finish(problem: string | null): void {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // it has ended, and left nobody behind
    }
    if (child.pid !== undefined) reaper.drop(child.pid);
    const path = paths[seen.length];
    if (problem !== null && path !== undefined) seen.push({ path, found: problem });
    done(seen);
  }
}

function sortOut(all: readonly Found[]): Survey {
  const modules = new Map<string, SurveyedModule>();
  const problems: FileProblem[] = [];
  const usable = all.flatMap(({ path, found }) => {
    const file = basename(path);
    if (typeof found === "string") {
      problems.push({ file, message: storable(found) });
      return [];
    }
    const { facts, code } = found;
    return [{ ...facts, description: storable(facts.description), file, path, code, outdated: false }];
  });
  for (const [name, same] of Map.groupBy(usable, (module) => module.name)) {
    const [first] = same;
    if (same.length === 1 && first) modules.set(name, first);
    else {
      const files = same.map(({ file }) => file).join(" and ");
      for (const { file } of same) {
        problems.push({ file, message: storable(`${files}: both define a function named ${JSON.stringify(name)}`) });
      }
    }
  }
  return { modules, problems: problems.sort((a, b) => (a.file < b.file ? -1 : 1)) };
}

const storable = (text: string): string => firstBytes(toStorableText(text), MESSAGE_MAX_BYTES);
