import { styleText } from "node:util";

type LogLine = Record<string, unknown> & { level?: string; msg?: string };

/**
 * A line for people out of a process' log line, or null for one that they need not see: each execution as it ends, and
 * whatever is a warning or worse.
 */
export function narrate(process: string, line: string): string | null {
  const log = parse(line);
  if (log === null) return `${dim(process)} ${line}`;
  if (log.msg === "execution ended" || log.error_code !== undefined) return executionLine(process, log);
  if (log.msg === "job completed")
    return `${clock(log)} ${dim("job completed")} ${log.job_id} after ${log.run_count} runs`;
  if (log.level === "warn" || log.level === "error" || log.level === "fatal") {
    const error = log.err as { message?: string } | undefined;
    return `${clock(log)} ${styleText("yellow", `${process}: ${log.msg}`)}${error?.message ? `: ${error.message}` : ""}${log.reason ? `: ${log.reason}` : ""}`;
  }
  return null;
}

const MARKS: Record<string, [mark: string, color: "green" | "red" | "yellow" | "gray"]> = {
  success: ["✔", "green"],
  failed: ["✘", "red"],
  cancelled: ["■", "yellow"],
  skipped: ["–", "gray"],
};

function executionLine(process: string, log: LogLine): string {
  const status = String(log.status ?? "failed");
  const [mark, color] = MARKS[status] ?? ["?", "gray"];
  const phases = (["check", "perform"] as const)
    .filter((phase) => log[`${phase}_ms`] !== undefined)
    .map((phase) => `${phase} ${Number(log[`${phase}_ms`]).toFixed(1)} ms`);
  const what =
    log.status === undefined
      ? "failed, will be tried again"
      : status === "skipped"
        ? `skipped, ${String(log.skip_reason ?? "check_declined").replaceAll("_", " ")}`
        : status;
  const parts = [
    clock(log),
    styleText(color, `${mark} ${log.job_name}`),
    what,
    dim([...phases, log.trigger === "manual" ? "run by hand" : "", `on ${process}`].filter(Boolean).join(", ")),
    log.error_code === undefined ? "" : styleText("red", `${log.error_code}: ${log.error_message}`),
    dim(String(log.execution_id)),
  ];
  return parts.filter(Boolean).join("  ");
}

function parse(line: string): LogLine | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null;
  }
}

const dim = (text: string): string => styleText("dim", text);
const clock = (log: LogLine): string => dim(String(log.time ?? "").slice(11, 23));
