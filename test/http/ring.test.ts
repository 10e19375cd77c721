import fc from "fast-check";
import { expect, it } from "vitest";
import * as ws from "ws";
import { textFrame } from "../../src/http/push/frame.ts";
import { Ring } from "../../src/http/push/ring.ts";

it("gives everything after a number, or says that it cannot, whatever was added and forgotten", () => {
  const step = fc.oneof({ weight: 9, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.constant("clear" as const) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(70), (steps, seq) => {
      const ring = new Ring(8, 100);
      const all: Buffer[] = [];
      let kept = 0;
      for (const one of steps) {
        if (one === "clear") {
          ring.clear();
          kept = all.length;
        } else {
          all.push(Buffer.alloc(one, all.length));
          ring.add(all.at(-1)!);
        }
      }
      expect(ring.last).toBe(all.length);
      const found = ring.after(seq);
      if (seq > all.length || seq < kept) expect(found).toBeUndefined();
      else if (found) expect(found).toEqual(all.slice(seq));
      else expect(all.slice(seq).length > 8 || Buffer.concat(all.slice(seq)).length > 100).toBe(true);
    }),
  );
});

it("frames are what a WebSocket reads, at every length of the length", async () => {
  const { Receiver } = ws as unknown as { Receiver: new (options: object) => NodeJS.WritableStream };
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 100_000]) {
    const text = "é".repeat(length >> 1) + "x".repeat(length & 1);
    const receiver = new Receiver({ isServer: false });
    const read = await new Promise<string>((resolve, reject) => {
      receiver.on("message", (data: Buffer) => resolve(data.toString()));
      receiver.on("error", reject);
      receiver.write(textFrame(text));
    });
    expect(read).toBe(text);
  }
});
