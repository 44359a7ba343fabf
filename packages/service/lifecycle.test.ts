import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";

const LIFECYCLE = JSON.stringify(new URL("lifecycle.ts", import.meta.url).href);
const ENV = JSON.stringify(new URL("env.ts", import.meta.url).href);

let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
});

/** A process whose `start` does what the script says. It can use `part(name, stop)`, which prints when it is stopped, and `say`. */
function run(
  start: string,
  {
    env = {},
    graceMs = 5_000,
    ipc = false,
    before = "",
  }: { env?: Record<string, string>; graceMs?: number; ipc?: boolean; before?: string } = {},
) {
  const script = `
    import { runProcess } from ${LIFECYCLE};
    import { wholeNumber } from ${ENV};
    const say = (line) => process.stdout.write(line + "\\n");
    ${before}
    await runProcess("tiny", {
      env: { NUMBER: wholeNumber(0, 9).optional() },
      graceMs: () => ${graceMs},
      async start({ env, log, lifecycle }) {
        const part = (name, stop = () => {}) => lifecycle.started(name, async (deadlineMs) => {
          say("stopping " + name);
          await stop(deadlineMs);
          say("stopped " + name);
        });
        ${start}
      },
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { PATH: process.env.PATH, DATABASE_URL: "postgres://127.0.0.1/none", LOG_LEVEL: "silent", ...env },
    stdio: ["ignore", "pipe", "pipe", ...(ipc ? (["ipc"] as const) : [])],
  });
  children.push(child);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) =>
    lines.push(line),
  );
  const read = once(output, "close");
  const errors = text(child.stderr as NodeJS.ReadableStream);
  // Not "close": after a disconnect that waits for the channel to close, which nobody closes any more.
  const exited = once(child, "exit");
  return {
    child,
    lines,
    said: (line: string) => expect.poll(() => lines, { timeout: 10_000, interval: 5 }).toContain(line),
    async ended() {
      const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
      await read;
      return { code, signal, errors: await errors };
    },
  };
}

/** Keeps a process going, as a server would. */
const KEEP = `part("server"); setInterval(() => {}, 1e6); say("up");`;

describe("a process that is told to end", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "by %s stops its parts in reverse order, one after the other, and ends with 0",
    async (signal) => {
      const { child, lines, said, ended } = run(`
      part("database", async () => say("last query"));
      part("loop", () => new Promise((resolve) => setTimeout(resolve, 20)));
      ${KEEP}`);
      await said("up");
      child.kill(signal);
      expect(await ended()).toEqual({ code: 0, signal: null, errors: "" });
      expect(lines.slice(1)).toEqual([
        "stopping server",
        "stopped server",
        "stopping loop",
        "stopped loop",
        "stopping database",
        "last query",
        "stopped database",
      ]);
    },
  );

  it("stops the others also when one of them cannot be stopped", async () => {
    const { child, lines, said, ended } = run(
      `part("database"); part("broken", () => Promise.reject(new Error("stuck"))); ${KEEP}`,
      { env: { LOG_LEVEL: "error" } },
    );
    await said("up");
    child.kill("SIGTERM");
    expect(await ended()).toMatchObject({ code: 0 });
    expect(lines).toContain("stopped database");
    const logged = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    expect(logged).toMatchObject([{ level: "error", part: "broken", err: { message: "stuck" } }]);
  });

  it("gives up on a part that hangs when its time is over, and still stops the others", async () => {
    const { child, lines, said, ended } = run(
      `part("database"); part("hanging", () => new Promise(() => {})); ${KEEP}`,
      { graceMs: 300 },
    );
    await said("up");
    child.kill("SIGTERM");
    expect(await ended()).toMatchObject({ code: 0 });
    expect(lines.slice(-3)).toEqual(["stopping hanging", "stopping database", "stopped database"]);
  });

  it("ends at once at the second signal", async () => {
    const { child, lines, said, ended } = run(
      `part("database"); part("hanging", () => new Promise(() => {})); ${KEEP}`,
      { graceMs: 60_000 },
    );
    await said("up");
    child.kill("SIGTERM");
    await said("stopping hanging");
    child.kill("SIGTERM");
    expect(await ended()).toMatchObject({ code: 1 });
    expect(lines).not.toContain("stopped database");
  });

  it("while it starts ends with 0 and without a word, whatever becomes of the start", async () => {
    const { child, said, ended } = run(`
      const closed = Promise.withResolvers();
      part("database", () => { closed.reject(new Error("connection is closed")); return new Promise((resolve) => setTimeout(resolve, 50)); });
      setInterval(() => {}, 1e6);
      say("starting");
      await closed.promise;`);
    await said("starting");
    child.kill("SIGTERM");
    expect(await ended()).toEqual({ code: 0, signal: null, errors: "" });
  });
});

describe("a process that cannot start", () => {
  it("says why in one line on its error output and ends with 1", async () => {
    const { ended } = run(
      `throw new Error("cannot reach postgres://me:secret@host", { cause: new Error("refused") });`,
    );
    expect(await ended()).toEqual({
      code: 1,
      signal: null,
      errors: "belfry tiny: cannot reach postgres://***@host: refused\n",
    });
  });

  it("says what is wrong with its settings", async () => {
    const { ended } = run(KEEP, { env: { DATABASE_URL: "nonsense", NUMBER: "ten" } });
    const { code, errors } = await ended();
    expect(code).toBe(1);
    expect(errors).toBe(
      "belfry tiny: configuration is not usable: DATABASE_URL: must be a URL that begins with postgres:// or postgresql://; NUMBER: must be a whole number from 0 to 9\n",
    );
  });
});

describe("a process that cannot go on", () => {
  it("stops its parts and ends with 1 when a part says so", async () => {
    const { lines, ended } = run(
      `${KEEP} setImmediate(() => { lifecycle.fail("no more"); lifecycle.fail("again"); });`,
      { env: { LOG_LEVEL: "fatal" } },
    );
    expect(await ended()).toMatchObject({ code: 1, errors: "" });
    expect(lines).toContain("stopped server");
    expect(lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))).toMatchObject([
      { level: "fatal", reason: "no more" },
    ]);
  });

  it("lives on when a promise is rejected and nobody heard it, and says so", async () => {
    const script = `${KEEP} setImmediate(() => { Promise.reject(new Error("bug")); setTimeout(() => process.kill(process.pid, "SIGTERM"), 50); });`;
    const { lines, ended } = run(script, { env: { LOG_LEVEL: "error" } });
    expect(await ended()).toMatchObject({ code: 0 });
    expect(lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", err: { message: "bug" } },
    ]);
  });

  it("stops its parts and ends with 1 when something throws", async () => {
    const { lines, ended } = run(`${KEEP} setImmediate(() => { throw new Error("bug"); });`, {
      env: { LOG_LEVEL: "fatal" },
    });
    expect(await ended()).toMatchObject({ code: 1 });
    expect(lines).toContain("stopped server");
    expect(lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))).toMatchObject([
      { level: "fatal", err: { message: "bug" } },
    ]);
  });
});

describe("a process with a supervisor", () => {
  it("tells it when it is ready", async () => {
    const { child } = run(`${KEEP} await new Promise((resolve) => setTimeout(resolve, 10)); say("ready next");`, {
      ipc: true,
    });
    expect((await once(child, "message"))[0]).toEqual({ ready: true });
  });

  it("stops its parts and ends when the supervisor is gone", async () => {
    const { child, lines, ended } = run(KEEP, { ipc: true });
    await once(child, "message");
    child.disconnect();
    expect(await ended()).toMatchObject({ code: 1 });
    expect(lines).toContain("stopped server");
  });

  it("ends also when the supervisor went before it had begun", async () => {
    const { child, ended } = run(KEEP, {
      ipc: true,
      before: `await new Promise((resolve) => process.once("disconnect", resolve));`,
    });
    child.disconnect();
    expect(await ended()).toMatchObject({ code: 1 });
  });

  it("ends also when nobody reads its output any more, however much it has to say", async () => {
    const talk = `setInterval(() => { for (let i = 0; i < 100; i++) log.info({ i }, "still here"); }, 1);`;
    const { child } = run(`${KEEP} ${talk}`, { ipc: true, env: { LOG_LEVEL: "info" } });
    await once(child, "message");
    const exited = once(child, "exit");
    child.stdout?.destroy();
    child.disconnect();
    expect(await exited).toEqual([1, null]);
  });

  it("goes on with a stop that is under way when the supervisor goes meanwhile", async () => {
    const { child, lines, ended, said } = run(
      `const released = new Promise((resolve) => process.once("disconnect", resolve));
       part("database");
       part("draining", async () => { await released; await new Promise((resolve) => setTimeout(resolve, 100)); });
       ${KEEP}`,
      { ipc: true },
    );
    await once(child, "message");
    child.kill("SIGTERM");
    await said("stopping draining");
    child.disconnect();
    expect(await ended()).toEqual({ code: 0, signal: null, errors: "" });
    expect(lines.slice(-4)).toEqual(["stopping draining", "stopped draining", "stopping database", "stopped database"]);
  });
});
