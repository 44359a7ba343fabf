import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Where the local cluster keeps what is to survive until the next start, unless told otherwise: a folder that git ignores. */
export const DATA_DIR = fileURLToPath(new URL("../../../.belfry", import.meta.url));

/** The key of the first account: the one given, else the one of the last start, else a new one. Kept readable for its owner only. */
export async function bootstrapKey(dataDir: string, given: string | undefined): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  if (given !== undefined) return given;
  const file = `${dataDir}/api-key`;
  const kept = await readFile(file, "utf8").catch(() => "");
  if (kept.trim().length >= 32) return kept.trim();
  const key = `belfry_${randomBytes(24).toString("base64url")}`;
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}
