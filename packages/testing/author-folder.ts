import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A project of somebody who writes functions, with what they may have installed. */
export type AuthorFolder = {
  dir: string;
  write: (file: string, text: string) => Promise<string>;
  remove: () => Promise<void>;
};

const packages = fileURLToPath(new URL("..", import.meta.url));

/** Links lead out of node_modules, where Node would run no TypeScript. */
const INSTALLED: Record<string, string> = {
  "@belfry/functions": "functions",
  "@belfry/client": "client",
  "@types/express": "functions/node_modules/@types/express",
  express: "functions/node_modules/express",
  fastify: "functions/node_modules/fastify",
  standardwebhooks: "functions/node_modules/standardwebhooks",
  zod: "functions/node_modules/zod",
};

export async function makeAuthorFolder(): Promise<AuthorFolder> {
  const dir = await mkdtemp(join(tmpdir(), "belfry-author-"));
  const write = async (file: string, text: string): Promise<string> => {
    const path = join(dir, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  };
  await write("package.json", '{ "type": "module" }');
  for (const [name, target] of Object.entries(INSTALLED)) {
    const link = join(dir, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(packages, target), link);
  }
  return { dir, write, remove: () => rm(dir, { recursive: true, force: true }) };
}
