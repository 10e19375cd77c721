import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/client/connection.ts";
import { VelosError } from "../../src/domain/errors.ts";
import { Velosd } from "../../src/http/velosd.ts";

interface Made {
  isLost: boolean;
  isOpen: boolean;
  calls: number;
}

/** A velosd that is there or not, and the connections to it. */
const makeVelosd = (isThere = true): { velosd: Velosd; made: Made[] } => {
  const made: Made[] = [];
  const connect = async (start: boolean): Promise<Connection> => {
    isThere ||= start;
    await Promise.resolve();
    if (!isThere) throw new VelosError("DAEMON_UNREACHABLE", { why: "it does not run", hint: "" });
    const one = {
      isLost: false,
      isOpen: true,
      calls: 0,
      call: async () => {
        one.calls++;
        return {};
      },
      close: () => (one.isOpen = false),
    };
    made.push(one);
    return one as unknown as Connection;
  };
  return { velosd: new Velosd({ connect, report: () => {} }), made };
};

const askMany = async (velosd: Velosd): Promise<unknown> =>
  Promise.all(Array.from({ length: 10 }, async () => velosd.call("list", {})));

describe("questions that come together", () => {
  it("go over one connection, also when the one before was lost", async () => {
    const { velosd, made } = makeVelosd();
    await askMany(velosd);
    expect(made).toMatchObject([{ calls: 10 }]);
    Object.assign(made[0]!, { isLost: true, isOpen: false });
    await askMany(velosd);
    expect(made).toMatchObject([{ calls: 10 }, { calls: 10 }]);
    velosd.close();
    await expect.poll(() => made.filter(({ isOpen }) => isOpen), { timeout: 20_000 }).toEqual([]);
  });

  it("do not keep a command from starting velosd", async () => {
    const { velosd, made } = makeVelosd(false);
    const [, command] = await Promise.allSettled([
      askMany(velosd),
      velosd.call("restart", { selectors: ["api"], rolling: false, wait: "start" }, true),
    ]);
    expect(command.status).toBe("fulfilled");
    expect(made.length).toBe(1);
  });
});
