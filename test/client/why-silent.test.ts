import { expect, it } from "vitest";
import { judge } from "../../src/client/why-silent.ts";
import { VelosError } from "../../src/domain/errors.ts";

const unit = (text: string): Record<string, string> =>
  Object.fromEntries(text.split(" ").map((pair) => pair.split("=") as [string, string]));

const loaded = "LoadState=loaded ExecMainStatus=1";
it.each([
  ["serves", "Result=success"],
  ["serves", `${loaded} ActiveState=active SubState=running Result=success NRestarts=0`],
  ["serves", `${loaded} ActiveState=deactivating SubState=stop-sigterm Result=success NRestarts=0`],
  ["starting", `${loaded} ActiveState=activating SubState=start Result=success NRestarts=0`],
  ["starting", `${loaded} ActiveState=inactive SubState=dead Result=success NRestarts=0`],
])("velosd %s: %s", (expected, text) => expect(judge(unit(text), "journalctl")).toBe(expected));

it.each([
  [
    "it does not come up (exit code 1)",
    `${loaded} ActiveState=activating SubState=auto-restart Result=exit-code NRestarts=1`,
  ],
  [
    "it does not come up (tried again 7 times)",
    `${loaded} ActiveState=activating SubState=start Result=success NRestarts=7`,
  ],
  [
    "it does not come up (start-limit-hit)",
    `${loaded} ActiveState=failed SubState=failed Result=start-limit-hit NRestarts=50`,
  ],
  ["its unit velosd.service is not-found", "LoadState=not-found ActiveState=inactive SubState=dead Result=success"],
])("%s: %s", (why, text) => {
  const error = judge(unit(text), "journalctl -u velosd -n 20");
  expect(error).toBeInstanceOf(VelosError);
  expect(error).toMatchObject({ code: "DAEMON_UNREACHABLE", message: `cannot reach velosd: ${why}` });
  expect((error as VelosError).hint).toContain("`journalctl -u velosd -n 20`");
});
