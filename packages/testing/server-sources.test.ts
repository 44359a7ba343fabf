import { describe, expect, it } from "vitest";
import { postgresSources, redisSources, type Surroundings } from "./server-sources.ts";

const bare: Surroundings = {
  databaseUrl: undefined,
  redisUrl: undefined,
  docker: false,
  redisProgram: undefined,
  apt: false,
};
const everything: Surroundings = {
  databaseUrl: "postgres://db/belfry",
  redisUrl: "redis://cache",
  docker: true,
  redisProgram: "/usr/bin/redis-server",
  apt: true,
};
const kinds = (sources: { kind: string }[]) => sources.map((source) => source.kind);

describe("where the tests get PostgreSQL", () => {
  it("uses DATABASE_URL and nothing else when it is set", () => {
    expect(postgresSources(everything)).toEqual([{ kind: "url", url: "postgres://db/belfry" }]);
  });

  it("takes an empty DATABASE_URL for none", () => {
    expect(kinds(postgresSources({ ...bare, databaseUrl: "" }))).toEqual(["embedded"]);
  });

  it("prefers Docker and falls back to the embedded server", () => {
    expect(kinds(postgresSources({ ...bare, docker: true }))).toEqual(["docker", "embedded"]);
    expect(kinds(postgresSources(bare))).toEqual(["embedded"]);
  });
});

describe("where the tests get Redis", () => {
  it("uses REDIS_URL and nothing else when it is set", () => {
    expect(redisSources(everything)).toEqual([{ kind: "url", url: "redis://cache" }]);
  });

  it("then tries Docker, then the program on the PATH", () => {
    expect(redisSources({ ...everything, redisUrl: undefined })).toEqual([
      { kind: "docker" },
      { kind: "program", program: "/usr/bin/redis-server" },
    ]);
  });

  it("installs one with apt-get only when there is no program", () => {
    expect(kinds(redisSources({ ...bare, docker: true, apt: true }))).toEqual(["docker", "apt"]);
    expect(kinds(redisSources({ ...bare, apt: true }))).toEqual(["apt"]);
  });

  it("knows when there is no way", () => {
    expect(redisSources(bare)).toEqual([]);
  });
});
