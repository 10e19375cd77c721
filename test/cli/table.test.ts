import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AppView, InstanceView } from "../../src/controller/views.ts";
import { appTable } from "../../src/cli/render/app-table.ts";
import { progressLines } from "../../src/cli/render/progress-lines.ts";
import { createStyle } from "../../src/cli/render/style.ts";
import { cutMiddle } from "../../src/cli/render/table.ts";
import { formatBytes, formatPercent, formatSpan } from "../../src/domain/units.ts";
import { FakeTerminal } from "./harness.ts";

const plain = createStyle(new FakeTerminal("/"));
const coloured = createStyle(new FakeTerminal("/", { env: { FORCE_COLOR: "1" } }));
const withoutColour = (text: string): string => text.replace(/\u001b\[\d+m/g, "");

const status = fc.constantFrom("starting", "online", "stopping", "stopped", "waiting", "errored" as const);
const appName = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const instance = (app: string): fc.Arbitrary<InstanceView> =>
  fc
    .record(
      {
        index: fc.nat(999),
        status,
        pid: fc.integer({ min: 1, max: 4_194_304 }),
        cpuPercent: fc.double({ min: 0, max: 25_600, noNaN: true }),
        memoryBytes: fc.double({ min: 0, max: 2 ** 52, noNaN: true }),
        uptimeMs: fc.nat(10 ** 12),
        restarts: fc.nat(10 ** 9),
      },
      { requiredKeys: ["index", "status", "restarts"] },
    )
    .map((made) => ({ ...made, app, name: `${app}:${made.index}` }));
const app: fc.Arbitrary<AppView> = appName.chain((name) =>
  fc
    .array(instance(name), { minLength: 1, maxLength: 5 })
    .map((processes) => ({ name, processes }) as unknown as AppView),
);
const apps = fc.array(app, { minLength: 1, maxLength: 5 });

describe("the table of instances", () => {
  it("fits 80 columns, whatever the names and numbers, a line per instance", () => {
    fc.assert(
      fc.property(apps, (made) => {
        const lines = appTable(made, plain, 80).split("\n");
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
        expect(lines).toHaveLength(1 + made.flatMap(({ processes }) => processes).length);
      }),
    );
  });

  it("shows every column at 80, and the end of each name", () => {
    fc.assert(
      fc.property(apps, (made) => {
        const [title, ...rows] = appTable(made, plain, 80).split("\n");
        expect(title!.split(/ +/)).toEqual(["name", "status", "pid", "cpu", "memory", "uptime", "restarts"]);
        const names = made.flatMap(({ processes }) => processes.map(({ name }) => name));
        rows.forEach((row, position) => expect(row.split("  ")[0]).toContain(names[position]!.slice(-4)));
      }),
    );
  });

  it("fits narrow terminals too, with fewer columns", () => {
    fc.assert(
      fc.property(apps, fc.integer({ min: 12, max: 200 }), (made, width) => {
        for (const line of appTable(made, plain, width).split("\n")) expect(line.length).toBeLessThanOrEqual(width);
      }),
    );
  });

  it("is the same without its colours", () => {
    fc.assert(
      fc.property(apps, (made) => {
        expect(withoutColour(appTable(made, coloured, 80))).toBe(appTable(made, plain, 80));
      }),
    );
  });
});

it("progress fits 80 columns and its room", () => {
  const moving = fc.record({ app: appName, index: fc.nat(999), status, since: fc.nat(10 ** 9) });
  fc.assert(
    fc.property(fc.array(moving, { maxLength: 40 }), fc.integer({ min: 2, max: 16 }), (instances, room) => {
      const lines = progressLines(instances, 10 ** 9, room, plain);
      expect(lines.length).toBeLessThanOrEqual(room);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    }),
  );
});

it("cutting keeps the end", () => {
  expect(cutMiddle("a-very-long-name-of-an-app:12", 16)).toBe("a-very-l…-app:12");
  expect(cutMiddle("short", 16)).toBe("short");
  fc.assert(fc.property(fc.string(), fc.nat(40), (text, width) => cutMiddle(text, width).length <= Math.max(width, 0)));
});

it("numbers keep to six characters", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 2 ** 53, noNaN: true }), (bytes) => formatBytes(bytes).length <= 6));
  fc.assert(fc.property(fc.nat(2 ** 40), (ms) => formatSpan(ms).length <= 6));
  fc.assert(fc.property(fc.double({ min: 0, max: 25_600, noNaN: true }), (value) => formatPercent(value).length <= 6));
});
