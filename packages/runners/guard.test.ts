import { describe, expect, it } from "vitest";
import { parseAllowList, parsePorts } from "./allow-list.ts";
import { DEFAULT_PORTS, refusal } from "./guard.ts";

const judge = (address: string, { allow = "", port = 443, host = "hooks.example" } = {}) =>
  refusal({ allow: allow ? parseAllowList(allow) : [], ports: DEFAULT_PORTS }, { host, port }, address);

describe("an address", () => {
  it.each(["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "::ffff:1.1.1.1", "2606:4700:4700::1111"])(
    "may be called if it is public: %s",
    (address) => {
      expect(judge(address)).toBeNull();
    },
  );

  it.each([
    ["127.0.0.1", "has a loopback address"],
    ["::1", "has a loopback address"],
    ["10.0.0.1", "has a private address"],
    ["fd00::1", "has a private address"],
    ["100.64.0.1", "has a private address"],
    ["169.254.169.254", "has a link-local address"],
    ["fe80::1%eth0", "has a link-local address"],
    ["168.63.129.16", "has the address of a cloud's own services"],
    ["0.0.0.0", "has an address that is not for single public hosts"],
    ["64:ff9b::1.1.1.1", "has an address that is not for single public hosts"],
    ["::1.1.1.1", "has an address that is not for single public hosts"],
    ["", "has an address that cannot be read"],
    ["hooks.example", "has an address that cannot be read"],
  ])("may not be called and is said to be what it is: %s", (address, why) => {
    expect(judge(address)).toBe(why);
  });

  it.each([80, 443, 8080, 8443])("may be called at port %i", (port) => {
    expect(judge("1.1.1.1", { port })).toBeNull();
  });

  it("may be called at no other port unless that is set", () => {
    expect(judge("1.1.1.1", { port: 8081 })).toBe("is called on port 8081, which is not among 80, 443, 8080, 8443");
    const rules = { allow: [], ports: parsePorts("443, 8000-8999") };
    const at = (port: number) => refusal(rules, { host: "hooks.example", port }, "1.1.1.1");
    expect([at(8000), at(8999), at(443)]).toEqual([null, null, null]);
    expect(at(9000)).toBe("is called on port 9000, which is not among 443, 8000-8999");
  });

  it.each([
    ["10.0.0.0/8", "10.255.0.1"],
    ["10.0.0.0/8:443", "10.255.0.1"],
    ["[fd00::]/8", "fd12::1"],
    ["169.254.169.254", "169.254.169.254"],
    ["hooks.example", "10.0.0.1"],
    ["hooks.example", "127.0.0.1"],
    ["hooks.example", "fd00::1"],
    ["hooks.example", "100.64.0.1"],
    ["*.example", "10.0.0.1"],
  ])("may be called if it is allowed, at any port unless one is named: %s, %s", (allow, address) => {
    expect(judge(address, { allow })).toBeNull();
    expect(judge(address, { allow, port: 5432 }) === null).toBe(!allow.endsWith(":443"));
  });

  it.each([
    ["10.0.0.0/8", "11.0.0.1", 5432],
    ["10.0.0.0/8:80", "10.0.0.1", 443],
    ["hooks.example:80", "10.0.0.1", 443],
    ["hooks.example", "169.254.169.254", 443],
    ["hooks.example", "168.63.129.16", 443],
    ["hooks.example", "0.0.0.0", 443],
    ["ooks.example", "10.0.0.1", 443],
    ["*.hooks.example", "10.0.0.1", 443],
    ["[::]/0", "10.0.0.1", 443],
    ["0.0.0.0/0", "fd00::1", 443],
  ])("may not be called if something else is allowed: %s, %s", (allow, address, port) => {
    expect(judge(address, { allow, port })).not.toBeNull();
  });
});
