import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** What the local cluster keeps between two starts, in a folder that git ignores. */
export const STATE_DIR = fileURLToPath(new URL("../../../.belfry", import.meta.url));

/** The key of the first account: the one given, else the one of the last start, else a new one. Kept readable for its owner only. */
export async function bootstrapKey(given: string | undefined): Promise<string> {
  await mkdir(STATE_DIR, { recursive: true });
  if (given !== undefined) return given;
  const file = `${STATE_DIR}/api-key`;
  const kept = await readFile(file, "utf8").catch(() => "");
  if (kept.trim().length >= 32) return kept.trim();
  const key = `belfry_${randomBytes(24).toString("base64url")}`;
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}
