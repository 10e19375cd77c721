import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientMessage } from "../../src/api/push-messages.ts";
import { LogFollower } from "../../src/dashboard/log-follower.ts";

let sent: ClientMessage[];
let follower: LogFollower;
beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  follower = new LogFollower((message) => sent.push(message));
});
afterEach(() => {
  vi.useRealTimers();
});

const topic = "logs:api";

const says = (message: string, cursor = "c", of = topic): void => {
  const line = { at: 1, app: "api", index: 0, stream: "stdout", level: "info", message } as const;
  follower.take({ type: "log", topic: of, lines: [line], cursor });
};

/** The server has taken the last subscription. */
const confirm = (): void => {
  const id = sent.flatMap((message) => ("subscribe" in message ? message.id! : [])).at(-1)!;
  follower.take({ type: "subscribed", id, topics: [topic] });
};

const shown = (): string[] => {
  vi.runAllTimers();
  return follower.buffer.value.lines.map(({ message }) => message);
};

describe("the log that is followed", () => {
  it("is asked for with some of the past, and shown as it comes", () => {
    follower.follow("api", "warn");
    expect(sent).toEqual([{ subscribe: [topic], id: expect.any(Number), lines: 300, level: "warn" }]);
    confirm();
    says("one");
    says("\u001b[31mtwo\u001b[0m");
    expect(follower.buffer.value.lines).toEqual([]);
    expect(shown()).toEqual(["one", "two"]);
  });

  it("is not mixed with lines of another topic, or of the same one with another level", () => {
    follower.follow("api", undefined);
    confirm();
    says("mild");
    says("foreign", "c", "logs:other");
    expect(shown()).toEqual(["mild"]);
    follower.follow("api", "error");
    // They were on their way when the other level was asked for.
    says("late");
    follower.take({ type: "subscribed", topics: [] });
    says("later");
    confirm();
    says("severe");
    expect(shown()).toEqual(["severe"]);
    expect(sent.filter((message) => "unsubscribe" in message)).toEqual([{ unsubscribe: [topic] }]);
  });

  it("goes on after the last line on another connection, and keeps what there is", () => {
    follower.follow("api", undefined);
    confirm();
    says("one", "place 1");
    says("two", "place 2");
    follower.reopen();
    expect(sent.at(-1)).toMatchObject({ subscribe: [topic], cursor: "place 2" });
    confirm();
    says("three");
    expect(shown()).toEqual(["one", "two", "three"]);
  });

  it("is nothing when nothing is followed", () => {
    follower.reopen();
    expect(sent).toEqual([]);
    follower.follow("api", undefined);
    confirm();
    says("one");
    follower.stop();
    says("two");
    expect(shown()).toEqual([]);
  });

  it("says why it cannot be followed, and how much was left out", () => {
    follower.follow("api", undefined);
    follower.take({
      type: "error",
      topic,
      code: "APP_NOT_FOUND",
      detail: "no app matches 'api'",
      hint: "see `velos list`",
    });
    expect(follower.failure.value).toBe("no app matches 'api'; see `velos list`");
    confirm();
    follower.take({ type: "skipped", topic, lines: 7 });
    follower.take({ type: "skipped", topic, lines: 3 });
    expect(follower.buffer.value.skipped).toBe(10);
  });
});
