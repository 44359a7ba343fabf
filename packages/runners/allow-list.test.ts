import { describe, expect, it } from "vitest";
import { parseAllowList, parsePorts } from "./allow-list.ts";

const read = (text: string) =>
  parseAllowList(text).map((entry) =>
    entry.kind === "host"
      ? [entry.subdomains ? `*.${entry.name}` : entry.name, entry.port]
      : [`${entry.base.toString()}/${entry.bits}`, entry.port],
  );

describe("the allow-list", () => {
  it.each([
    ["hooks.internal", [["hooks.internal", null]]],
    ["hooks.internal:9000", [["hooks.internal", 9000]]],
    ["*.internal.example", [["*.internal.example", null]]],
    ["*.internal.example:443", [["*.internal.example", 443]]],
    ["Hooks.Internal.", [["hooks.internal", null]]],
    ["bücher.example", [["xn--bcher-kva.example", null]]],
    ["my_service", [["my_service", null]]],
    ["10.0.0.1", [["10.0.0.1/32", null]]],
    ["10.0.0.0/8", [["10.0.0.0/8", null]]],
    ["10.0.0.0/8:9000", [["10.0.0.0/8", 9000]]],
    ["0.0.0.0/0", [["0.0.0.0/0", null]]],
    ["[fd00::]/8", [["fd00::/8", null]]],
    ["[fd00::]/8:9000", [["fd00::/8", 9000]]],
    ["[::1]:9000", [["::1/128", 9000]]],
    ["fd00::/8", [["fd00::/8", null]]],
    ["::1", [["::1/128", null]]],
    [
      " a.example , 10.0.0.0/8,[::1] ",
      [
        ["a.example", null],
        ["10.0.0.0/8", null],
        ["::1/128", null],
      ],
    ],
  ])("takes %s", (text, entries) => {
    expect(read(text)).toEqual(entries);
  });

  it.each([
    ["a.example,,b.example", '""'],
    ["a.example,", '""'],
    ["*", '"*"'],
    ["*.", '"*."'],
    ["*.*.example", '"*.*.example"'],
    ["a.*.example", '"a.*.example"'],
    ["http://a.example", '"http://a.example"'],
    ["a.example/path", '"a.example/path"'],
    ["a.example/8", '"a.example/8"'],
    ["a..example", '"a..example"'],
    ["-a.example", '"-a.example"'],
    ["a example", '"a example"'],
    ["a.example:0", '"a.example:0"'],
    ["a.example:65536", '"a.example:65536"'],
    ["a.example:http", '"a.example:http"'],
    ["10.0.0", '"10.0.0"'],
    ["10.0.0.256", '"10.0.0.256"'],
    ["2130706433", '"2130706433"'],
    ["10.0.0.0/33", '"10.0.0.0/33"'],
    ["10.0.0.0/-1", '"10.0.0.0/-1"'],
    ["10.0.0.0/8/8", '"10.0.0.0/8/8"'],
    ["[fd00::]/129", '"[fd00::]/129"'],
    ["[10.0.0.0]/8", '"[10.0.0.0]/8"'],
    ["[fe80::1%eth0]", '"[fe80::1%eth0]"'],
    ["[::ffff:10.0.0.0]/104", '"[::ffff:10.0.0.0]/104"'],
    ["[::1", '"[::1"'],
  ])("refuses %s, and says which entry", (text, entry) => {
    expect(() => parseAllowList(text)).toThrow(entry);
  });
});

describe("the ports", () => {
  it("are numbers and ranges of them", () => {
    expect(parsePorts("443, 8000-8999")).toEqual([
      { from: 443, to: 443 },
      { from: 8000, to: 8999 },
    ]);
  });

  it.each(["", "0", "65536", "http", "9-8", "1-", "443,", "1.5"])("are refused: %s", (text) => {
    expect(() => parsePorts(text)).toThrow(/is neither a port from 1 to 65535 nor a range of them/);
  });
});
