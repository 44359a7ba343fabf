/** Runs every example of docs/functions.md as it stands there, so that the document cannot lie. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Client } from "@belfry/client/api.ts";
import { createClient } from "@belfry/client/create-client.ts";
import { sign } from "@belfry/functions/serve.ts";
import { type AuthorFolder, makeAuthorFolder } from "@belfry/testing/author-folder.ts";
import { type RunningCluster, runCluster } from "@belfry/testing/run-cluster.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const DOCUMENT = fileURLToPath(new URL("../../docs/functions.md", import.meta.url));
/** A block of code whose first line is a comment with the name of its file. */
const EXAMPLE = /^```(?:ts|js)\n\/\/ (\S+)\n[\s\S]*?^```$/gm;

const run = promisify(execFile);
const payload = { shelf: { bolts: 2, nuts: 9 }, least: 5 };
const ordered = {
  status: "success",
  check: { output: { shouldPerform: true, performPayload: { short: ["bolts"] } } },
  perform: { output: { ordered: ["bolts"] } },
};

let folder: AuthorFolder;
let cluster: RunningCluster;
let client: Client;
const examples: string[] = [];
const servers: ChildProcess[] = [];

beforeAll(async () => {
  folder = await makeAuthorFolder();
  for (const [block, file] of (await readFile(DOCUMENT, "utf8")).matchAll(EXAMPLE)) {
    examples.push(file as string);
    await folder.write(file as string, block.split("\n").slice(1, -1).join("\n"));
  }
  cluster = await runCluster({ functionsDir: `${folder.dir}/functions` });
  client = createClient({ baseUrl: cluster.url, apiKey: cluster.key });
}, 120_000);
afterAll(async () => {
  for (const server of servers) server.kill("SIGKILL");
  await cluster?.close();
  await folder?.remove();
});

const environment = (more: Record<string, string>) => ({
  cwd: folder.dir,
  env: { ...process.env, BELFRY_URL: cluster.url, BELFRY_KEY: cluster.key, ...more },
});

/** Runs an example that ends by itself, and gives the words that it prints. */
async function runExample(file: string, env: Record<string, string> = {}): Promise<string[]> {
  const { stdout } = await run(process.execPath, [file], { ...environment(env), timeout: 20_000 });
  return stdout.trim().split(/\s+/);
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Creates a function of kind http as the document does, starts an example that serves it, and gives its id. */
async function serveExample(file: string): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const body = { kind: "http", name: file, url } as const;
  const { id, signing_secret } = await client.createFunction({ body });
  const env = { PORT: String(port), BELFRY_SECRET: signing_secret as string };
  servers.push(spawn(process.execPath, [file], { ...environment(env), stdio: ["ignore", "ignore", "inherit"] }));
  await expect
    .poll(
      () =>
        fetch(url).then(
          () => true,
          () => false,
        ),
      { timeout: 10_000, interval: 50 },
    )
    .toBe(true);
  return id;
}

/** An execution of a new job of a function, when it has ended. */
async function runJobOf(function_id: string, name: string, more: object = { payload }) {
  const job = await client.createJob({ body: { function_id, name, schedule: "0 0 1 1 *", ...more } });
  const { id } = await client.runJob({ id: job.id });
  const read = () => client.getExecution({ id });
  await expect.poll(async () => (await read()).completed_at, { timeout: 20_000, interval: 50 }).not.toBeNull();
  return read();
}

async function moduleId(name = "low stock"): Promise<string> {
  const all = await client.listFunctions();
  return all.find(({ module }) => module === name)?.id as string;
}

it("has the examples that are run below", () => {
  expect(examples).toEqual([
    "functions/low-stock.ts",
    "functions/backup.ts",
    "functions/report.ts",
    "server.ts",
    "server-express.ts",
    "server-fastify.ts",
    "server-fetch.ts",
    "create.ts",
    "shop.js",
    "server-later.ts",
    "low-stock.js",
    "upload.ts",
  ]);
});

it("is right about types", async () => {
  const flags = "--noEmit --strict --module nodenext --target esnext --skipLibCheck --allowImportingTsExtensions";
  const types = [
    "--types",
    "node",
    "--typeRoots",
    fileURLToPath(new URL("../../node_modules/@types", import.meta.url)),
  ];
  const files = examples.filter((file) => file.endsWith(".ts"));
  const checked = run("tsc", [...flags.split(" "), ...types, ...files], environment({})).then(
    () => "",
    (failure: { stdout: string }) => failure.stdout,
  );
  expect(await checked).toBe("");
});

describe("a module", () => {
  it("orders what is running out", async () => {
    const execution = await runJobOf(await moduleId(), "module");
    expect(execution).toMatchObject(ordered);
    expect(execution.perform?.logs).toEqual(["info ordering bolts, up to 5 each"]);
  });

  it("declines when nothing is, and refuses a wrong payload when the job is made", async () => {
    const enough = { payload: { shelf: { bolts: 7 }, least: 5 } };
    expect(await runJobOf(await moduleId(), "module, enough", enough)).toMatchObject({
      status: "skipped",
      skip_reason: "check_declined",
    });
    const wrong = runJobOf(await moduleId(), "module, wrong", { payload: { shelf: {} } });
    await expect(wrong).rejects.toMatchObject({ code: "VALIDATION_ERROR", status: 422 });
  });
});

describe("a module with all that there is", () => {
  const check = { output: { shouldPerform: true, performPayload: { files: ["/home/a", "/home/b"] } } };

  it("sets up, checks, performs and tears down", async () => {
    const execution = await runJobOf(await moduleId("backup"), "backup", { payload: { source: "/home" } });
    expect(execution).toMatchObject({
      status: "success",
      check,
      perform: { output: { copied: 2, keep: 7 } },
      rollback: null,
      progress: { percent: 100, text: "/home/b" },
    });
    expect(execution.check?.logs).toEqual(["info opening /home"]);
    expect(execution.perform?.logs).toEqual(["info closing 2"]);
  });

  it("rolls back", async () => {
    expect(await runJobOf(await moduleId("backup"), "gone", { payload: { source: "/gone" } })).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "FUNCTION_ERROR", message: "the disk is gone" },
      rollback: { output: { removed: 2, because: "FUNCTION_ERROR" } },
    });
  });
});

it("one handler in a file of its own is a module as well", async () => {
  expect(await runJobOf(await moduleId("report"), "report")).toMatchObject({
    status: "success",
    perform: { output: { reported: 3 } },
  });
});

describe("a function behind HTTP", () => {
  it("is created with a secret that is shown", async () => {
    const [id, secret] = await runExample("create.ts", { FUNCTION_URL: "https://fn.example.com/" });
    expect(secret).toMatch(/^whsec_/);
    expect(await client.getFunction({ id: id as string })).toMatchObject({ kind: "http" });
  });

  it.each(["server.ts", "server-express.ts", "server-fastify.ts"])("is served by %s", async (file) => {
    expect(await runJobOf(await serveExample(file), file)).toMatchObject(ordered);
  });

  it("is served by server-fetch.ts", async () => {
    process.env.BELFRY_SECRET = `whsec_${btoa("0123456789abcdef0123456789abcdef")}`;
    const { default: server } = await import(pathToFileURL(`${folder.dir}/server-fetch.ts`).href);
    const belfry = {
      execution_id: "e",
      attempt: 1,
      scheduled_for: "2030-01-01T00:00:00.000Z",
      trigger: "manual",
      payload,
    };
    const message = {
      id: "e-check",
      timestamp: Math.floor(Date.now() / 1000),
      body: JSON.stringify({ automation_job: "j", phase: "check", belfry }),
    };
    const headers = {
      "webhook-id": message.id,
      "webhook-timestamp": String(message.timestamp),
      "webhook-signature": await sign(process.env.BELFRY_SECRET, message),
    };
    const request = new Request("http://fn/", { method: "POST", headers, body: message.body });
    expect(await (await server.fetch(request)).json()).toEqual(ordered.check.output);
  });

  it("is served without our package as well, and refuses what is not signed", async () => {
    const id = await serveExample("shop.js");
    expect(await runJobOf(id, "shop")).toMatchObject({ status: "success", perform: { output: { shipped: 3 } } });
    const { url } = await client.getFunction({ id });
    expect((await fetch(url as string, { method: "POST", body: "{}" })).status).toBe(401);
  });

  it("answers later", async () => {
    const id = await serveExample("server-later.ts");
    expect(await runJobOf(id, "later")).toMatchObject({ status: "success", perform: { output: { printed: 3 } } });
  });
});

it("an uploaded function is tested without a job, and run by one", async () => {
  const [id, output, ...logs] = await runExample("upload.ts");
  expect(output).toBe('{"ordered":["bolts"]}');
  expect(logs.join(" ")).toContain("ordering bolts");
  expect(await runJobOf(id as string, "sandbox")).toMatchObject(ordered);
});
