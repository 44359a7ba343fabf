import type { ResourceUse } from "@belfry/contract/execution.ts";

const MB = 1024 * 1024;
/** Reading the memory in use is a file read; once in so many milliseconds is as much as the figure is worth. */
const RSS_EVERY_MS = 20;
let rss = 0;
let rssAt = Number.NEGATIVE_INFINITY;

/** Looks at what this process has used so far; the function that it gives says what it has used since. */
export function measureUse(): (wallMs: number) => ResourceUse {
  const before = process.resourceUsage();
  const rssBefore = currentRss();
  return (wallMs) => {
    const after = process.resourceUsage();
    const cpu = after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
    // maxRSS is the peak since the process began, in KB: the phase's own peak only if it has grown meanwhile.
    const peak = after.maxRSS > before.maxRSS ? after.maxRSS * 1024 : Math.max(rssBefore, currentRss());
    return { cpu_ms: hundredths(cpu / 1000), max_rss_mb: Math.round((peak / MB) * 10) / 10, wall_ms: wallMs };
  };
}

function currentRss(): number {
  const now = performance.now();
  if (now - rssAt > RSS_EVERY_MS) {
    rss = process.memoryUsage.rss();
    rssAt = now;
  }
  return rss;
}

const hundredths = (n: number): number => Math.round(n * 100) / 100;
