import { expect, it } from "vitest";
import { overlap, parseListen } from "../../src/domain/listen.ts";

it.each([
  ["3000", "3000", true],
  ["3000", "3001", false],
  ["3000", "127.0.0.1:3000", true],
  ["3000", "[::1]:3000", true],
  ["[::]:3000", "10.0.0.1:3000", true],
  ["0.0.0.0:3000", "127.0.0.1:3000", true],
  ["0.0.0.0:3000", "[::1]:3000", false],
  ["127.0.0.1:3000", "127.0.0.2:3000", false],
  ["127.0.0.1:3000", "localhost:3000", true],
  ["[::1]:3000", "[0:0:0:0:0:0:0:1]:3000", true],
  ["[::1]:3000", "[::2]:3000", false],
  ["/run/a.sock", "/run//./a.sock", true],
  ["/run/a.sock,mode=0660", "/run/a.sock", true],
  ["/run/a.sock", "/run/b.sock", false],
  ["/run/a.sock", "3000", false],
])("listeners at %s and %s are in each other's way: %s", (a, b, expected) => {
  expect(overlap(parseListen(a), parseListen(b))).toBe(expected);
  expect(overlap(parseListen(b), parseListen(a))).toBe(expected);
});
