import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureTwoCalls } from "@belfry/bench-peers/two-calls.ts";
import { measureThroughput } from "./belfry-throughput.ts";
import type { BenchCase } from "./case.ts";
import { startChild } from "./child.ts";
import { cpuSamples } from "./cpu-samples.ts";
import { samplesOf } from "./measurements.ts";
import { figure } from "./table.ts";
import { unlessTooBusy } from "./too-busy.ts";

const NAME = "http";
const SERVER = fileURLToPath(new URL("./keep-alive-server.ts", import.meta.url));

/** Executions of a function over HTTP a second, beside undici making the same two calls for each. */
export const http: BenchCase = async ({ servers, options, all, note }) => {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));
  const server = startChild(SERVER, { env: process.env, logFile: join(logs, "server.log") });
  scope.defer(server.stop);
  const { port } = (await server.ready) as { port: number };
  const url = `http://127.0.0.1:${port}/`;

  // One process and both workers' concurrency together, as much as the executions have between them.
  const concurrency = options.workers * options.concurrency;
  await measureTwoCalls(url, { pairs: Math.ceil(options.executions / 5), concurrency });
  const bare = await measureTwoCalls(url, { pairs: options.executions, concurrency });
  note(`${NAME}, undici: ${figure(bare)} pairs of calls/s`);
  const { perSecond, cpu } = await unlessTooBusy(
    () => measureThroughput(servers, "redis", { ...options, functionUrl: url }, all),
    note,
  );
  note(`${NAME}, belfry: ${figure(perSecond)} executions/s, ledger checked`);
  return [
    ...samplesOf(NAME, "belfry on redis")("executions", "1/s", perSecond, "undici, the same two calls"),
    ...cpuSamples(NAME, "belfry on redis", cpu),
    ...samplesOf(NAME, "undici, the same two calls")("executions", "1/s", bare),
  ];
};
