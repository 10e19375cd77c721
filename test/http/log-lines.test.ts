import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogCursor } from "../../src/api/log-cursor.ts";
import type { Batch, Line } from "../../src/http/push/followers.ts";
import { logLines } from "../../src/http/push/log-lines.ts";
import { placeOrder } from "../../src/http/push/place-order.ts";
import type { Services } from "../../src/http/services.ts";

const line = (index: number, number: number, at = number): Line => ({
  at,
  app: "api",
  index,
  stream: "stdout",
  level: "info",
  message: `${index}/${number}`,
  place: `${index}@${number}`,
});

const cursorAfter = (lines: readonly Line[]): string => {
  const cursor = new LogCursor("api");
  for (const one of lines) cursor.pass(one);
  return cursor.toString();
};

/** What a reader needs, of which the test says what it answers and when. */
const makeServices = (kept: readonly Line[], page: (push: (...lines: Line[]) => void) => Line[]) => {
  let listener: ((batch: Batch) => void) | undefined;
  const push = (...lines: Line[]): void => listener?.({ lines, cursor: "" });
  const services = {
    velosd: { lost: undefined, call: async () => ({ lines: page(push) }) },
    logLimits: { run: async (work: () => Promise<unknown>) => work() },
    fleet: { names: ["api"], app: () => ({ instances: 2 }), instance: () => ({}) },
    followers: {
      onChange: () => () => {},
      follow: (_: string, told: (batch: Batch) => void) => {
        listener = told;
        push(...kept);
        return () => (listener = undefined);
      },
    },
  };
  return { services: services as unknown as Services, push };
};

const read = async (
  services: Services,
  cursor: string | undefined,
  until: (messages: readonly string[]) => boolean,
  then: () => void,
): Promise<{ messages: string[]; cursor: string | undefined }> => {
  const gone = new AbortController();
  const messages: string[] = [];
  let last: string | undefined;
  const params = { selectors: ["api"], lines: 100, ...(cursor !== undefined && { cursor }) };
  let isFirst = true;
  for await (const given of logLines(services, params, gone.signal)) {
    messages.push(...given.lines.map(({ message }) => message));
    last = given.cursor ?? last;
    if (isFirst) then();
    isFirst = false;
    if (until(messages)) break;
  }
  return { messages, cursor: last };
};

describe("a log that is gone on with from a cursor", () => {
  it("begins after it, also where nothing has come since", async () => {
    const old = [line(0, 1), line(1, 1), line(0, 2)];
    const { services, push } = makeServices(old, () => []);
    const found = await read(
      services,
      cursorAfter(old),
      (seen) => seen.includes("0/3"),
      () => push(line(0, 3)),
    );
    expect(found.messages).toEqual(["0/3"]);
    // Where the other instance was is not forgotten.
    expect(new LogCursor("api", found.cursor).places).toEqual(
      new Map([
        ["0", "0@3"],
        ["1", "1@1"],
      ]),
    );
  });

  it("tells a line that comes while the page is read", async () => {
    const old = [line(0, 1)];
    const { services, push } = makeServices(old, (now) => {
      // Written after the page was read, and told before the page came.
      now(line(0, 2));
      return [];
    });
    const found = await read(
      services,
      cursorAfter(old),
      (seen) => seen.includes("0/3"),
      () => push(line(0, 3)),
    );
    expect(found.messages).toEqual(["0/2", "0/3"]);
  });

  it("tells each line once and in its order, wherever the page ends and the follower begins", async () => {
    const scene = fc.record({
      total: fc.integer({ min: 1, max: 12 }),
      known: fc.nat(12),
      page: fc.nat(12),
      kept: fc.nat(12),
      apart: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ total, known, page, kept, apart }) => {
        const all = Array.from({ length: total }, (_, n) => line(apart ? n % 2 : 0, n + 1));
        const [from, to] = [Math.min(known, total - 1), Math.min(page, total)];
        if (from === 0) return;
        const { services, push } = makeServices(all.slice(0, Math.min(kept, total)), (now) => {
          now(...all.slice(Math.min(kept, total), to));
          return all.slice(from, Math.max(from, to));
        });
        const rest = all.slice(Math.max(to, Math.min(kept, total)));
        const wanted = all.slice(from).map(({ message }) => message);
        const found = await read(
          services,
          cursorAfter(all.slice(0, from)),
          (seen) => seen.length >= wanted.length,
          () => push(...rest, line(0, 1000)),
        );
        expect(found.messages.filter((message) => message !== "0/1000")).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a log of whatever apps there are", () => {
  it.each(["all", "*"])("no longer follows those that were deleted: %s", async (selector) => {
    const followed = new Set<string>();
    const names = ["api", "web"];
    let change = (): void => {};
    const services = {
      velosd: { lost: undefined, call: async () => ({ lines: [] }) },
      logLimits: { run: async (work: () => Promise<unknown>) => work() },
      fleet: { names },
      followers: {
        onChange: (listener: () => void) => {
          change = listener;
          return () => {};
        },
        follow: (app: string) => {
          followed.add(app);
          return () => followed.delete(app);
        },
      },
    } as unknown as Services;
    const batches = logLines(services, { selectors: [selector] }, new AbortController().signal);
    await batches.next();
    const expectFollowed = async (...apps: string[]): Promise<void> => {
      names.splice(0, names.length, ...apps);
      change();
      await expect.poll(() => [...followed].sort(), { timeout: 20_000 }).toEqual(apps);
    };
    await expectFollowed("web");
    await expectFollowed();
    await expectFollowed("api", "web");
    await batches.return();
    expect(followed.size).toBe(0);
  });
});

describe("places of lines", () => {
  it("have an order within one log", () => {
    expect(placeOrder("0@5", "0@12")).toBeLessThan(0);
    expect(placeOrder("0@5", "1@12")).toBeUndefined();
    expect(placeOrder("s=ab;i=ff;b=1", "s=ab;i=100;b=1")).toBeLessThan(0);
    expect(placeOrder("s=ab;i=100;b=1", "s=ab;i=100;b=1")).toBe(0);
    expect(placeOrder("s=ab;i=1;b=1", "s=cd;i=2;b=1")).toBeUndefined();
    expect(placeOrder("", "0@1")).toBeUndefined();
  });
});
