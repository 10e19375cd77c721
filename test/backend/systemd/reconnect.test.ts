import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Bus } from "../../../src/backend/systemd/bus.ts";
import { Manager } from "../../../src/backend/systemd/manager.ts";
import { FakeBus } from "./fake-bus.ts";

let fake: FakeBus;
beforeEach(() => {
  fake = new FakeBus();
});
afterEach(() => fake.close());

describe("connecting to the bus fails", () => {
  const connect = async () => Bus.connect(fake.address, "org.freedesktop.systemd1");

  it("when the bus closes the connection at once", async () => {
    fake.welcome = "close";
    await expect(connect()).rejects.toThrow();
  });

  it("when it closes it before it has let us in", async () => {
    fake.answer = (member) => (member === "Hello" ? "close" : "answer");
    await expect(connect()).rejects.toThrow("the bus closed the connection");
  });

  it.each(["handshake", "Hello"])("when it does not answer, at the %s; and nothing is left open", async (at) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      if (at === "handshake") fake.welcome = "ignore";
      else fake.answer = () => "ignore";
      const refused = expect(connect()).rejects.toThrow("the bus has not answered within 5 s");
      await vi.waitUntil(() => fake.open === 1);
      await vi.advanceTimersByTimeAsync(5000);
      await refused;
    } finally {
      vi.useRealTimers();
    }
    await expect.poll(() => fake.open).toBe(0);
  });
});

describe("the manager", () => {
  let removed: string[];
  let manager: Manager;
  beforeEach(() => {
    removed = [];
    const events = { changed: () => {}, removed: (unit: string) => removed.push(unit), stale: () => {} };
    manager = new Manager(fake.address, events);
  });
  afterEach(() => manager.close());

  it("leaves no connection open when it cannot use it", async () => {
    fake.answer = (member) => (member === "Subscribe" ? "refuse" : "answer");
    await expect(manager.open()).rejects.toThrow();
    await expect.poll(() => fake.open).toBe(0);
  });

  it("takes a call whose answer was lost with the manager for one that did not reach it", async () => {
    await manager.open();
    fake.answer = () => "lose";
    await expect(manager.restart("velos-api@0.service")).rejects.toMatchObject({ details: { unreachable: true } });
    fake.answer = () => "refuse";
    await expect(manager.restart("velos-api@0.service")).rejects.toMatchObject({
      errorName: "org.freedesktop.DBus.Error.Failed",
    });
  });

  it("is not waited for longer than a minute, and is not taken for one that refuses", async () => {
    await manager.open();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      fake.answer = () => "ignore";
      const hung = expect(manager.restart("velos-api@0.service")).rejects.toMatchObject({
        code: "BACKEND_FAILED",
        message: expect.stringContaining("org.freedesktop.systemd1 has not answered RestartUnit within 60 s"),
        details: { unreachable: true },
      });
      await vi.advanceTimersByTimeAsync(60_000);
      await hung;
    } finally {
      vi.useRealTimers();
    }
    fake.answer = () => "answer";
    await manager.sync();
  });

  it("hears nobody else, whoever sends it what only the manager may say", async () => {
    await manager.open();
    for (const sender of [":1.6", "org.freedesktop.systemd1", ""]) fake.removed("velos-forged@0.service", sender);
    fake.removed("velos-api@0.service");
    await manager.sync();
    expect(removed).toEqual(["velos-api@0.service"]);
  });

  it("hears everything once after attempts that failed", async () => {
    await manager.open();
    expect(manager.version).toBe(252);
    fake.answer = (member, connection) => (member === "Subscribe" && connection < 4 ? "refuse" : "answer");
    fake.drop();
    await expect.poll(() => manager.reconnects).toBe(1);
    await expect.poll(() => [fake.accepted, fake.open]).toEqual([4, 1]);
    fake.removed("velos-api@0.service");
    await expect.poll(() => removed.length).toBeGreaterThan(0);
    await manager.sync();
    expect(removed).toEqual(["velos-api@0.service"]);
  });

  it("connects once also when a connection is lost while it is made", async () => {
    await manager.open();
    fake.answer = (member, connection) => (member === "Subscribe" && connection < 4 ? "close" : "answer");
    fake.drop();
    await expect.poll(() => manager.reconnects).toBe(1);
    // Longer than a second loop would wait.
    await delay(500);
    expect([manager.reconnects, fake.accepted, fake.open]).toEqual([1, 4, 1]);
    await manager.sync();
  });

  it("opens no connection any more that was being made when it was closed", async () => {
    fake.answer = (member) => {
      if (member === "Subscribe") manager.close();
      return "answer";
    };
    await expect(manager.open()).rejects.toThrow();
    await expect.poll(() => fake.open).toBe(0);
  });
});
