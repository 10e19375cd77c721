import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Fleet } from "../../src/http/fleet.ts";
import type { Line } from "../../src/http/push/followers.ts";
import { Followers } from "../../src/http/push/followers.ts";
import type { Velosd } from "../../src/http/velosd.ts";

const line = (number: number): Line => ({
  at: number,
  app: "api",
  index: 0,
  stream: "stdout",
  level: "info",
  message: String(number),
  place: `0@${number}`,
});

describe("an app's log that ends while it is followed", () => {
  let begun: number;
  let lost: Error | undefined;
  let apps: Set<string>;
  let followers: Followers;
  const messages: string[] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    [begun, lost, apps] = [0, undefined, new Set(["api"])];
    messages.length = 0;
    const velosd = {
      get lost() {
        return lost;
      },
      call: async () => ({ lines: [] }),
      // Fails at first, then gives a line each time, and ends.
      stream: async function* () {
        begun++;
        if (begun === 1) throw new Error("journalctl was killed");
        yield line(begun);
      },
    };
    const fleet = { app: (name: string) => (apps.has(name) ? {} : undefined) };
    followers = new Followers(velosd as unknown as Velosd, fleet as unknown as Fleet);
    followers.follow("api", ({ lines }) => messages.push(...lines.map(({ message }) => message)));
  });
  afterEach(() => {
    followers.close();
    vi.useRealTimers();
  });

  it("is read again, with pauses, until nobody wants it", async () => {
    await vi.advanceTimersByTimeAsync(0);
    expect(begun).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(messages.slice(0, 2)).toEqual(["2", "3"]);
    expect(begun).toBeLessThan(50);
    followers.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not asked for while there is no velosd, or no such app", async () => {
    await vi.advanceTimersByTimeAsync(0);
    lost = new Error("velosd is gone");
    await vi.advanceTimersByTimeAsync(10_000);
    expect([begun, vi.getTimerCount()]).toEqual([1, 0]);
    lost = undefined;
    apps.clear();
    followers.changed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([begun, vi.getTimerCount()]).toEqual([1, 0]);
    apps.add("api");
    followers.changed();
    await vi.advanceTimersByTimeAsync(100);
    expect(messages).toEqual(["2"]);
  });
});
