import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MemoryBackend } from "../../src/backend/memory/backend.ts";
import { MemoryWorld } from "../../src/backend/memory/memory-world.ts";
import { Controller } from "../../src/controller/controller.ts";
import { VelosError } from "../../src/domain/errors.ts";
import { specOf } from "../domain/spec.ts";

/** What an app's instances share is made and removed when the test says so, where it has asked for that. */
class GatedBackend extends MemoryBackend {
  isGated = false;
  readonly #waiting: { what: string; open: () => void }[] = [];

  readonly #shared = new Set<string>();

  /** Apps of whose instances what they share is there. */
  get shared(): string[] {
    return [...this.#shared];
  }

  /** What waits, in the order in which it came. */
  get waiting(): string[] {
    return this.#waiting.map(({ what }) => what);
  }

  letOn(what: string): void {
    const at = this.#waiting.findIndex((one) => one.what === what);
    this.#waiting.splice(at, 1)[0]!.open();
  }

  override async prepare(...args: Parameters<MemoryBackend["prepare"]>): Promise<void> {
    await this.#gate("prepare");
    this.#shared.add(args[0].name);
    return super.prepare(...args);
  }

  override async release(...args: Parameters<MemoryBackend["release"]>): Promise<void> {
    await this.#gate("release");
    this.#shared.delete(args[0]);
    return super.release(...args);
  }

  async #gate(what: string): Promise<void> {
    if (this.isGated) await new Promise<void>((open) => this.#waiting.push({ what, open }));
  }
}

let directory: string;
let controller: Controller;
let backend: GatedBackend;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "velos-delete-"));
  backend = new GatedBackend(new MemoryWorld());
  controller = new Controller({ backend, stateDirectory: directory });
  await controller.open();
});
afterEach(async () => {
  await controller.close();
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

const start = async (): Promise<unknown> =>
  controller.commands.start(specOf({ waitReady: true }), { kind: "exact", count: 1 });

/** An app that is there and runs, or nothing of it: no instance that nobody knows. */
const agree = async (about: string, pattern = /^(?:known online|unknown )$/): Promise<void> => {
  const found = (): string => {
    const running = backend.observe("api").map(({ status }) => status);
    return `${controller.converge.get("api") ? "known" : "unknown"} ${running.join()}`;
  };
  await expect.poll(found, { message: about }).toMatch(pattern);
};

const waits = async (...what: string[]): Promise<void> => {
  await expect.poll(() => backend.waiting).toEqual(what);
};

it("an app that is wanted again while it is being forgotten is not forgotten with its instances", async () => {
  for (let round = 0; round < 20; round++) {
    await start();
    backend.isGated = true;
    const deleted = controller.commands.delete(["api"]);
    await waits("release");
    const started = start();
    await turn();
    backend.letOn("release");
    // What is being made for a start is not removed beside it.
    await waits("prepare");
    await turn();
    await waits("prepare");
    backend.isGated = false;
    backend.letOn("prepare");
    const [, outcome] = await Promise.allSettled([deleted, started]);
    expect(outcome, `round ${round}`).toMatchObject({ status: "fulfilled" });
    await agree(`round ${round}`);
    await controller.commands.delete(["api"]);
  }
});

it.each([["stop"], ["delete"]] as const)(
  "what a start makes beside a %s is not taken away from it, nor left when there is no app",
  async (command) => {
    for (let round = 0; round < 20; round++) {
      await start();
      await controller.commands.stop(["api"]);
      backend.isGated = true;
      const resumed = controller.commands.resume(["api"]);
      await waits("prepare");
      const ended = controller.commands[command](["api"]);
      // A look in between finds an app that is stopped, and nothing of which is needed.
      controller.converge.wake("api");
      for (let turns = 0; turns < round; turns++) await turn();
      expect(backend.waiting).toEqual(["prepare"]);
      backend.isGated = false;
      backend.letOn("prepare");
      await Promise.allSettled([resumed, ended]);
      await agree(`round ${round}`, command === "stop" ? /^known (?:online)?$/ : undefined);
      // Whatever came last: what instances share is there with them, and else not.
      await expect.poll(() => backend.shared).toEqual(backend.observe("api").length > 0 ? ["api"] : []);
      await controller.commands.delete(["api"]).catch(() => {});
    }
  },
);

it("whatever is asked for at once, no instance is left that nobody knows, and no start finds its app gone", async () => {
  for (let round = 0; round < 80; round++) {
    const asked = Array.from({ length: 6 }, async (_, n) => {
      for (let turns = 0; turns < (round * 7 + n * 13) % 40; turns++) await turn();
      return n % 2 === 0 ? start() : controller.commands.delete(["api"]);
    });
    const results = await Promise.allSettled(asked);
    for (const [n, result] of results.entries()) {
      if (result.status === "fulfilled") continue;
      expect(result.reason).toBeInstanceOf(VelosError);
      if (n % 2 === 0) expect(result.reason).toMatchObject({ code: "OPERATION_SUPERSEDED" });
    }
    await agree(`round ${round}`);
  }
});
