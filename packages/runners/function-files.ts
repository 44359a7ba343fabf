import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files of a folder that may define functions: the `.ts`, `.js` and `.mjs` files that lie directly in it, tests
 * (`*.test.*`), declarations (`*.d.ts`) and hidden files left out. By name.
 * @throws Error if the folder cannot be read.
 */
export async function functionFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot load the functions of ${folder}: ${FOLDER_ERRORS[error.code ?? ""] ?? error.message}`);
  });
  const candidates = names.filter(
    (name) => /^[^.].*\.(?:ts|js|mjs)$/.test(name) && !/\.(?:test\..*|d\.ts)$/.test(name),
  );
  // stat follows links: a folder that Kubernetes mounts from a ConfigMap holds nothing else.
  // A link that leads nowhere stays in the list, and is then reported as a file that cannot be imported.
  const isFile = await Promise.all(
    candidates.map((name) =>
      stat(join(folder, name)).then(
        (found) => found.isFile(),
        () => true,
      ),
    ),
  );
  return candidates.filter((_, index) => isFile[index]).sort();
}

const FOLDER_ERRORS: Record<string, string> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "it is not a folder",
  EACCES: "the folder cannot be read",
};
