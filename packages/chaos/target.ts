// The function's server as a process: writes down each call, durably, before it answers. Arguments: file, port.

import { closeSync, fdatasync, openSync, writeSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Behaviour, behave } from "./behave.ts";

const [file, port] = process.argv.slice(2);
if (file === undefined || port === undefined) throw new Error("usage: target.ts FILE PORT");
const fd = openSync(file, "a");
const sync = promisify(fdatasync);

let waiting: (() => void)[] = [];
let syncing = false;

/** Resolves when the line is on the disk. Those that come while a sync is under way share the next one. */
function keep(line: object): Promise<void> {
  writeSync(fd, `${JSON.stringify(line)}\n`);
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  if (!syncing) void syncAll();
  return promise;
}

async function syncAll(): Promise<void> {
  syncing = true;
  while (waiting.length > 0) {
    const these = waiting;
    waiting = [];
    await sync(fd);
    for (const resolve of these) resolve();
  }
  syncing = false;
}

const server = createServer(async (request, response) => {
  try {
    const event = JSON.parse(await text(request));
    const { execution_id: e, attempt: a, scheduled_for: s } = event.belfry;
    const call = { e, a, p: event.phase };
    await keep({ ...call, j: event.automation_job, s, t: Date.now(), m: performance.now() });
    const behaviour = behave((request.url ?? "/").slice(1), event.phase, e, a);
    await sleep(behaviour.afterMs);
    // Not waited for: it only says more, and one that is lost makes the checker less strict.
    if (behaviour.kind !== "hang") void keep({ ...call, answered: Date.now() });
    answer(response, behaviour);
  } catch {
    // The worker has given up.
    response.destroy();
  }
});

function answer(response: ServerResponse, behaviour: Behaviour): void {
  switch (behaviour.kind) {
    case "hang":
      return;
    case "break":
      return void response.destroy();
    case "answer":
      response.writeHead(behaviour.status, { "content-type": "application/json", ...behaviour.headers });
      response.end(behaviour.body);
  }
}

server.listen(Number(port), "127.0.0.1", () => process.send?.({ ready: true }));
process.once("disconnect", () => {
  closeSync(fd);
  process.exit(0);
});
