import { PEER_ENV, type PeerReport } from "./peer.ts";

const REPORT_EVERY_MS = 20;

/** What a worker process was told, and whom it tells what it did. It ends with its parent, or when it is told to. */
export function peerProcess(): {
  databaseUrl: string;
  mode: string;
  concurrency: number;
  /** A job begins: when was it due? */
  begins(dueAt: number): void;
  /** Jobs have ended. */
  ends(count: number): void;
  /** Says that it is ready, and goes on saying what it did. `stop` is called when it is to end. */
  ready(stop: () => Promise<unknown>): void;
} {
  const nothing = (): PeerReport => ({ done: 0, first: 0, last: 0, late: [] });
  let report = nothing();
  const send = () => {
    process.send?.(report);
    report = nothing();
  };
  return {
    databaseUrl: process.env[PEER_ENV.databaseUrl] ?? "",
    mode: process.env[PEER_ENV.mode] ?? "",
    concurrency: Number(process.env[PEER_ENV.concurrency]),
    begins: (dueAt) => void report.late.push(Date.now() - dueAt),
    ends(count) {
      report.done += count;
      report.last = Date.now();
      report.first ||= report.last;
    },
    ready(stop) {
      process.once("disconnect", () => process.exit(0));
      process.once("SIGTERM", () => void stop().finally(() => process.exit(0)));
      setInterval(() => {
        if (report.done > 0) send();
      }, REPORT_EVERY_MS);
      send();
    },
  };
}
