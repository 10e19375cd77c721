import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BusError } from "../../../src/backend/systemd/bus.ts";
import type { Manager } from "../../../src/backend/systemd/manager.ts";
import { Sockets } from "../../../src/backend/systemd/sockets.ts";
import { specOf } from "../../domain/spec.ts";

const SOCKET = "velos-api.socket";
const spec = specOf({ name: "api", listen: [{ host: "127.0.0.1", port: 3000 }] });

/** A manager with a socket of the app's that is open, as far as sockets ask for it. What it is asked for is noted. */
class OpenSocket {
  readonly calls: string[] = [];
  address = "127.0.0.1:3000";
  /** Resolves when an answer about what there is may be given. */
  mayTell: Promise<void> = Promise.resolve();
  failing = false;

  async listUnits(): Promise<{ name: string; activeState: string }[]> {
    await this.mayTell;
    if (this.failing) throw new Error("the manager is away");
    return [{ name: SOCKET, activeState: "active" }];
  }
  async unitProperty(_unit: string, property: string): Promise<unknown> {
    return property === "Listen" ? [["Stream", this.address]] : "active";
  }
  async startTransient(unit: string): Promise<string> {
    this.calls.push(`start ${unit}`);
    if (!this.calls.includes(`stop ${unit}`))
      throw new BusError("org.freedesktop.systemd1.UnitExists", "already loaded");
    return "done";
  }
  async stop(unit: string): Promise<string> {
    this.calls.push(`stop ${unit}`);
    return "done";
  }
  async resetFailed(): Promise<void> {}
}

let directory: string;
let manager: OpenSocket;
let sockets: Sockets;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "velos-sockets-"));
  manager = new OpenSocket();
  sockets = new Sockets(manager as unknown as Manager);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a socket that is held is not touched while it is looked at anew (systemctl daemon-reload)", async () => {
  await sockets.look();
  let letOn!: () => void;
  manager.mayTell = new Promise((resolve) => (letOn = resolve));
  const looking = sockets.look();
  expect(await sockets.open(spec, directory)).toBe(true);
  letOn();
  await looking;
  expect(sockets.apps()).toEqual(["api"]);
  expect(manager.calls).toEqual([]);
});

test("a look that fails leaves what was known", async () => {
  await sockets.look();
  manager.failing = true;
  await expect(sockets.look()).rejects.toThrow("the manager is away");
  expect(await sockets.open(spec, directory)).toBe(true);
  expect(manager.calls).toEqual([]);
});

test("what happened during a look is newer than what the look was told", async () => {
  await sockets.look();
  let letOn!: () => void;
  manager.mayTell = new Promise((resolve) => (letOn = resolve));
  const looking = sockets.look();
  await sockets.close("api");
  letOn();
  await looking;
  expect(sockets.apps()).toEqual([]);
});

test("an open socket that nobody knew of is taken over, and one with other addresses is not", async () => {
  expect(await sockets.open(spec, directory)).toBe(true);
  expect(manager.calls).toEqual([`start ${SOCKET}`]);
  manager.address = "127.0.0.1:4000";
  sockets = new Sockets(manager as unknown as Manager);
  expect(await sockets.open(spec, directory)).toBe(true);
  expect(manager.calls.slice(1)).toEqual([
    `start ${SOCKET}`,
    `stop ${SOCKET}`,
    "stop velos-api.service",
    `start ${SOCKET}`,
  ]);
});
