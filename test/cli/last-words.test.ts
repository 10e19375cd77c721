import { describe, expect, it } from "vitest";
import { excerpt } from "../../src/cli/last-words.ts";

const shown = (text: string): string[] => excerpt(text.split("\n"), (line) => line);
const node = `before
node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use :::14000
    at Server.setupListenHandle [as _listen2] (node:net:1940:16)
    at listenInCluster (node:net:1997:12)
    at Server.listen (node:net:2102:7)
    at Object.<anonymous> (/srv/app.js:3:4)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1976:8)
    at process.processTicksAndRejections (node:internal/process/task_queues:82:21) {
  code: 'EADDRINUSE',
  errno: -98,
  syscall: 'listen',
  address: '::',
  port: 14000
}

Node.js v20.20.2`;

describe("what is shown of the log of an instance that did not come up", () => {
  it("begins with the line that says why, however much follows it", () => {
    const lines = shown(node);
    expect(lines[0]).toBe("Error: listen EADDRINUSE: address already in use :::14000");
    expect(lines).toHaveLength(10);
    expect(shown(`${node}\n${node}\n`)[0]).toBe(lines[0]);
  });

  it.each([
    ["nothing says why", Array.from({ length: 14 }, (_, at) => `line ${at}`), "line 4"],
    [
      "it is among the last",
      [...Array.from({ length: 14 }, () => "Errors: 0"), "TypeError: x", "    at y"],
      "Errors: 0",
    ],
    ["Go", ["panic: runtime error", ...Array.from({ length: 12 }, () => "goroutine")], "panic: runtime error"],
    [
      "Python's own",
      ["Traceback (most recent call last):", ...Array.from({ length: 12 }, () => "  File")],
      "Traceback (most recent call last):",
    ],
    ["few lines", ["oops"], "oops"],
  ])("%s", (_, lines, first) => {
    expect(shown(lines.join("\n"))[0]).toBe(first);
    expect(shown(lines.join("\n"))).toHaveLength(Math.min(10, lines.length));
  });
});
