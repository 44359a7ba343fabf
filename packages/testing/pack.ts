import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/** A package as it would be published, unpacked into the node_modules of a project that has nothing else. */
export type Packed = {
  /** What publint has to say of the tarball: suggestions, warnings and errors. */
  problems: string[];
  /** What was packed, as paths. */
  files: string[];
  manifest: Record<string, unknown>;
  /** Runs a module of the project with plain Node and gives what it prints. */
  run: (source: string) => Promise<string>;
  /** What the compiler has to say of a module of the project and of the package's declarations; empty if nothing. */
  typeCheck: (source: string) => Promise<string>;
  remove: () => Promise<void>;
};

const root = fileURLToPath(new URL("../..", import.meta.url));
const execute = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** Builds and packs the package of a folder of this workspace, as publishing it does. */
export async function packPackage(folder: string): Promise<Packed> {
  const project = await mkdtemp(join(tmpdir(), "belfry-pack-"));
  const { packageManager } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const options = { cwd: folder, timeout: TIMEOUT_MS };
  await execute("npx", ["-y", packageManager, "pack", "--pack-destination", project], options);
  const tarball = join(project, (await readdir(project)).find((name) => name.endsWith(".tgz")) ?? "none");

  const bytes = await readFile(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
  const unpacked = join(project, "node_modules", pkg.name);
  await mkdir(unpacked, { recursive: true });
  await execute("tar", ["-xzf", tarball, "-C", unpacked, "--strip-components=1"], { timeout: TIMEOUT_MS });
  await writeFile(join(project, "package.json"), '{ "type": "module" }');

  const write = async (name: string, source: string): Promise<string> => {
    await writeFile(join(project, name), source);
    return name;
  };
  return {
    problems: messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code),
    files: (await readdir(unpacked, { recursive: true })).sort(),
    manifest: pkg,
    run: async (source) => {
      const file = await write("run.js", source);
      return (await execute(process.execPath, [file], { cwd: project, timeout: TIMEOUT_MS })).stdout;
    },
    typeCheck: async (source) => {
      const args = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
      const types = ["--typeRoots", join(root, "node_modules/@types")];
      const file = await write("check.ts", source);
      return execute("tsc", [...args, ...types, file], { cwd: project, timeout: TIMEOUT_MS }).then(
        ({ stdout }) => stdout,
        (failure: { stdout?: string }) => failure.stdout || Promise.reject(failure),
      );
    },
    remove: () => rm(project, { recursive: true }),
  };
}
