import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const SLOW = "packages/chaos/*.slow.test.ts";
const SPEED = "packages/bench/*.slow.test.ts";

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    // Processes, not threads: tests start servers and send signals.
    pool: "forks",
    maxWorkers: 3,
    // BullMQ and Postgres clients log what their tests provoke; it is shown for failed tests only.
    silent: "passed-only",
    // In this order: what takes minutes begins when the many fast tests are over, and has the machine to itself.
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["apps/**/*.test.ts", "packages/**/*.test.ts"],
          exclude: ["**/node_modules/**", SLOW, SPEED],
          globalSetup: [fileURLToPath(new URL("./global-setup.ts", import.meta.url))],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "slow",
          include: [SLOW],
          testTimeout: 480_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "speed",
          include: [SPEED],
          testTimeout: 240_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
