import { describe, expect, it } from "vitest";
import { FakeTerminal } from "./harness.ts";

const cases: readonly (readonly [line: string, why: string, hint: string])[] = [
  ["frobnicate", "there is no command 'frobnicate'", "`velos --help` lists the commands"],
  ["lst", "there is no command 'lst'", "did you mean `velos list`?"],
  ["help lst", "there is no command 'lst'", "did you mean `velos list`?"],
  ["--frob", "unknown option --frob", "`velos --help` lists the commands"],
  ["list --jsn", "unknown option --jsn", "did you mean `--json`?"],
  ["list --zzz", "unknown option --zzz", "`velos list --help` shows how it is used"],
  ["list --watch=3", "--watch takes no value", "`velos list --help` shows how it is used"],
  ["list -wx", "unknown option -x", "`velos list --help` shows how it is used"],
  ["start a.js --nmae x", "unknown option --nmae", "did you mean `--name`?"],
  ["start a.js --no-autorestrt", "unknown option --no-autorestrt", "`velos start --help` shows how it is used"],
  ["start a.js -i", "-i needs a value", "write -i N|max"],
  ["start a.js -i --dry-run", "-i needs a value", "write -i N|max"],
  ["start a.js --env", "--env needs a value", "write --env VAR=VALUE"],
  ["list --backend", "--backend needs a value", "write --backend NAME: systemd, launchd, spawn"],
  ["logs -fn", "-n needs a value", "write -n N"],
  ["scale", "`velos scale` needs <app>", "write velos scale <app> <N|+N|-N|max>"],
  ["scale api", "`velos scale` needs <N|+N|-N|max>", "write velos scale <app> <N|+N|-N|max>"],
  ["scale api 1 2", "'2' is one word too many", "write velos scale <app> <N|+N|-N|max>"],
  ["ping now", "'now' is one word too many", "`velos ping --help` shows how it is used"],
  ["restart", "`velos restart` needs <selector>", "write velos restart <selector>..."],
  ["start", "nothing to start", "name a script, a command, an app that was stopped, or --config velos.toml"],
  ["start --config a.toml b.js", "a script and --config exclude each other", "--only picks apps of the file"],
  ["list --system --user", "--system and --user exclude each other", "choose one"],
  ["completions ksh", "no completions for 'ksh'", "the shells are bash, zsh and fish"],
  ["logs --level loud", "--level: there is no level 'loud'", "the levels are fatal, error, warn, info, debug, trace"],
  [
    "logs -n -5",
    "--lines: '-5' is not a number from 0 to 10000",
    "for more, use journalctl SYSLOG_IDENTIFIER=velos-<app>",
  ],
  ["logs --since soon", "--since: 'soon' is not a time", "write 10m, 2h, 14:30, 2026-01-31 or 2026-01-31T14:30"],
  [
    "start /bin/sleep -i -1",
    "--instances: '-1' is not a number of instances: a new app needs a number, not a difference",
    "write a number from 1 to 1000, or max",
  ],
  [
    "start /bin/sleep -i 0",
    "--instances: '0' is not a number of instances: an app has at least one instance; `velos stop` stops it",
    "write a number from 1 to 1000, or max",
  ],
  [
    "start /bin/sleep -i 10000",
    "--instances: '10000' is not a number of instances: 1000 is the limit",
    "write a number from 1 to 1000, or max",
  ],
  [
    "start /bin/sleep --name a/b",
    "'a/b' cannot be an app's name: it contains \"/\"",
    "1 to 64 of A-Z a-z 0-9 _ . - , beginning with a letter or digit; choose one with --name",
  ],
];

describe("a mistake in the command line is one line, a hint and exit code 2", () => {
  it.each(cases)("velos %s", async (line, why, hint) => {
    const argv = line.split(" ");
    expect(await new FakeTerminal("/nowhere").run(...argv)).toEqual({
      code: 2,
      out: "",
      err: `velos: ${why}\n  ${hint}\n`,
    });
  });

  it.each(cases)("velos %s --json", async (line, why, hint) => {
    const argv = line.split(" ");
    if (/-fn$|-i$|--env$|--backend$/.test(line)) return;
    const { code, out, err } = await new FakeTerminal("/nowhere").run(...argv, "--json");
    expect([code, err]).toEqual([2, ""]);
    expect(JSON.parse(out)).toMatchObject({ error: { message: why, hint } });
  });
});
