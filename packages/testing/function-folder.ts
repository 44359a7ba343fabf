import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SDK = new URL("../functions/main.ts", import.meta.url).href;

/** A folder of module functions, as a worker is given one. */
export type FunctionFolder = {
  dir: string;
  /** Writes a file as it is. */
  write(file: string, text: string): void;
  /** Writes a file that defines a function: `fields` is what stands in its `defineFunction({ … })`. */
  define(file: string, fields: string): void;
  remove(file: string): void;
  /** Removes the folder. */
  close(): void;
};

export function makeFunctionFolder(): FunctionFolder {
  const dir = mkdtempSync(join(tmpdir(), "belfry-functions-"));
  const write = (file: string, text: string) => writeFileSync(join(dir, file), text);
  return {
    dir,
    write,
    define: (file, fields) =>
      write(
        file,
        `import { defineFunction, PermanentError } from ${JSON.stringify(SDK)};\nexport default defineFunction({ ${fields} });\n`,
      ),
    remove: (file) => rmSync(join(dir, file)),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}
