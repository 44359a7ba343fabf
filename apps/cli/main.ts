#!/usr/bin/env node
import { Command } from "commander";
import { scheduleCommand } from "./schedule/command.ts";

const program = new Command("belfry").description("Runs functions on schedule, on a cluster, and can prove it.");

program
  .command("up")
  .description("start a whole cluster on this machine: Postgres, API, scheduler, two workers and an example")
  .action(async () => {
    const { up } = await import("./up/up.ts");
    await up();
  });

program
  .command("migrate")
  .description("bring the database at DATABASE_URL up to date; safe to run again, and several at once")
  .action(async () => {
    const { migrate } = await import("./migrate.ts");
    await migrate();
  });

program
  .command("verify")
  .description("check the ledger at DATABASE_URL against what was planned; exit code 1 if anything is wrong")
  .option("--json", "print the whole report as JSON")
  .action(async (options: { json?: boolean }) => {
    const { verify } = await import("./verify.ts");
    await verify(options);
  });

program.addCommand(scheduleCommand());

await program.parseAsync();
