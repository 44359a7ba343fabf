import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { LocalPostgresError } from "./failure.ts";
import { birthOf, isAlive } from "./process-info.ts";

/**
 * Marks the data folder as used by this process (`<dir>.owner`), so that a second start on the same data is refused while
 * a start after a kill -9 is not. Throws `in_use`. Answers a function that gives the folder back.
 */
export function claimDataFolder(dir: string): () => void {
  const file = `${dir}.owner`;
  const mine = `${process.pid} ${birthOf(process.pid)}`;
  for (;;) {
    try {
      writeFileSync(file, mine, { flag: "wx", mode: 0o644 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const [pid = "0", birth = ""] = existsSync(file) ? readFileSync(file, "utf8").split(" ") : [];
    if (isAlive(Number(pid)) && birthOf(Number(pid)) === birth) {
      throw new LocalPostgresError(
        "in_use",
        `the data in ${dir} are in use by the process ${pid}, which is still running`,
      );
    }
    rmSync(file, { force: true });
  }
}
