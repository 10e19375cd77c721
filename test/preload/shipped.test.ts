import { expect, test } from "vitest";
import { shippedPreload } from "./harness.mjs";

test("what is shipped is small, and needs nothing but Node", () => {
  const shipped = shippedPreload();
  expect(Buffer.byteLength(shipped)).toBeLessThan(8192);
  const required = [...shipped.matchAll(/\brequire\(([^)]*)\)/g)].map(([, name]) => name!);
  expect(required).not.toEqual([]);
  for (const name of required) expect(name).toMatch(/^"node:\w+"$/);
});
