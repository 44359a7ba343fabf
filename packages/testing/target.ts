import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

/** A call as the target saw it. */
export type TargetCall = {
  phase: "check" | "perform";
  jobId: string;
  executionId: string;
  attempt: number;
  event: Record<string, unknown>;
  headers: Record<string, string | string[] | undefined>;
};

/** How the target answers: a JSON value, or whatever it does with the response itself. */
export type TargetAnswer = (call: TargetCall, response: ServerResponse) => unknown;

export type Target = {
  url: string;
  calls: TargetCall[];
  /** From now on calls for paths that begin with `path` are answered so. */
  on(path: string, answer: TargetAnswer): void;
  close(): Promise<void>;
};

/** What a function that always acts answers. */
export const always: TargetAnswer = ({ phase }) => (phase === "check" ? { shouldPerform: true } : { done: true });

/** A real HTTP server on loopback that functions of kind `http` call, and that remembers each call. */
export async function startTarget(): Promise<Target> {
  const calls: TargetCall[] = [];
  const answers = new Map<string, TargetAnswer>();
  const server = createServer(async (request, response) => {
    const event = JSON.parse(await text(request)) as Record<string, unknown>;
    const belfry = event.belfry as { execution_id: string; attempt: number };
    const call: TargetCall = {
      phase: event.phase as "check" | "perform",
      jobId: event.automation_job as string,
      executionId: belfry.execution_id,
      attempt: belfry.attempt,
      event,
      headers: request.headers,
    };
    calls.push(call);
    const answer = answers.get(request.url ?? "/") ?? always;
    const value = await answer(call, response);
    if (value !== undefined && !response.writableEnded) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the target has no address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    on: (path, answer) => answers.set(path, answer),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
