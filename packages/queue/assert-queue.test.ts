import { startDockerRedis } from "@belfry/testing/docker-servers.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { type RunningServer, startRedisProgram } from "@belfry/testing/redis-program.ts";
import { findRedisProgram } from "@belfry/testing/surroundings.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assertQueue, judgeRedis } from "./assert-queue.ts";

const asserted = (url: string) => assertQueue({ kind: "redis", url, prefix: "x" });

describe("a queue's server", () => {
  it("is looked for at the start, and its absence told in one line", async () => {
    expect(await asserted(createTestRedis().url)).toEqual([]);
    await expect(asserted("redis://127.0.0.1:1")).rejects.toMatchObject({
      message: "REDIS_URL: cannot reach Redis",
      cause: { message: expect.stringContaining("ECONNREFUSED") },
    });
  });

  it("is told apart from something else that listens there, or that is silent", async () => {
    const proxy = await startTcpProxy(createTestRedis().url);
    proxy.freeze();
    await expect(asserted(proxy.url)).rejects.toThrow("REDIS_URL: cannot reach Redis");
    await proxy.close();
  });

  it("is the ledger's where there is no Redis, and was asked already", async () => {
    expect(await assertQueue({ kind: "postgres", url: "postgres://127.0.0.1:1/none" })).toEqual([]);
  });
});

describe("a Redis that is set up otherwise", () => {
  let server: RunningServer;
  let admin: Redis;

  beforeAll(async () => {
    const program = findRedisProgram();
    server = await (program === undefined ? startDockerRedis() : startRedisProgram(program));
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  it("is refused when it would throw messages away", async () => {
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    await expect(asserted(server.url)).rejects.toThrow(
      "REDIS_URL: maxmemory-policy of Redis is allkeys-lru, and must be noeviction",
    );
    await admin.config("SET", "maxmemory-policy", "noeviction");
    expect(await asserted(server.url)).toEqual([]);
  });

  it("is taken, with a warning, when it does not let itself be seen", async () => {
    await admin.call("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-info", "-config");
    const { host } = new URL(server.url);
    expect(await asserted(`redis://limited:secret@${host}`)).toEqual([
      "Redis does not let us see its version and maxmemory-policy, which must be noeviction",
    ]);
  });

  it("is not taken for unreachable when only CONFIG is forbidden", async () => {
    await admin.call("ACL", "SETUSER", "managed", "on", ">secret", "~*", "&*", "+@all", "-config");
    expect(await asserted(`redis://managed:secret@${new URL(server.url).host}`)).toEqual([]);
  });
});

it("judges what INFO says, of whichever server", () => {
  const info = (version: string, policy: string) =>
    `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;
  const sound = { refusals: [], warnings: [] };
  for (const version of ["6.2.0", "6.2", "7.2.4", "10.0.1"])
    expect(judgeRedis(info(version, "noeviction"))).toEqual(sound);
  for (const version of ["6.0.20", "5.0.14"])
    expect(judgeRedis(info(version, "noeviction")).refusals).toEqual([
      `Redis is version ${version}, and must be 6.2 or newer`,
    ]);
  expect(judgeRedis("# Server\r\n")).toEqual({
    refusals: [],
    warnings: [
      "Redis does not say its version, which must be 6.2 or newer",
      "Redis does not say its maxmemory-policy, which must be noeviction",
    ],
  });
});
