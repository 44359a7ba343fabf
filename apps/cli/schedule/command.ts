import { Command } from "commander";
import type { Options } from "./preview.ts";

/** Of a command that was not called as it should be; what is wrong with a schedule is 1. */
const BAD_USAGE = 2;

/** `belfry schedule next` and `belfry schedule explain`: what a schedule means, without a database. */
export function scheduleCommand(): Command {
  const group = new Command("schedule")
    .description("say what a schedule means, and when it runs; needs no database")
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : BAD_USAGE));
  withOptions(group.command("next"))
    .description("print the next occurrences")
    .action(async (schedule: string, options: Options) => {
      const { printNext } = await import("./preview.ts");
      printNext(schedule, options);
    });
  withOptions(group.command("explain"))
    .description("say in words what it means, when it runs, what it leaves out and why")
    .option("--down <from..to>", "simulate an outage of the scheduler, between two instants")
    .option("--misfire <policy>", "what the job does about it: skip, run_once, run_all, or the whole policy as JSON")
    .action(async (schedule: string, options: Options) => {
      const { printExplanation } = await import("./preview.ts");
      printExplanation(schedule, options);
    });
  return group;
}

function withOptions(command: Command): Command {
  return command
    .argument("<schedule>", "as a job has it: a text, or an object as JSON")
    .option("--timezone <zone>", "the job's IANA zone (UTC unless given)")
    .option("--dst <gap,fold>", "its rule for changes of clocks: shift, next or skip, and first, last or both")
    .option("--from <instant>", "no occurrence before this one (now unless given)")
    .option("--to <instant>", "no occurrence after this one")
    .option("--count <number>", "how many occurrences at most (10 unless given)")
    .option("--job <id>", "the job whose H and jitter to show")
    .option(
      "--calendar <name=dates>",
      "a calendar that it names, as in holidays=2026-12-25,2026-12-26; may be repeated",
      (value: string, before: string[] = []) => [...before, value],
    )
    .option("--json", "print the API's answer as JSON");
}
