import { describe, expect, it } from "vitest";
import { FakeTerminal } from "./harness.ts";

const cases: readonly (readonly [line: string, why: string, hint: string])[] = [
  ["frobnicate", "there is no command 'frobnicate'", "`velos --help` lists the commands"],
  ["lst", "there is no command 'lst'", "did you mean `velos list`?"],
  ["help lst", "there is no command 'lst'", "did you mean `velos list`?"],
  ["top", "there is no command 'top'", "that is `velos monit`"],
  ["jlist", "there is no command 'jlist'", "that is `velos list --json`"],
  ["constructor", "there is no command 'constructor'", "`velos --help` lists the commands"],
  ["desc api", "there is no command 'desc'", "that is `velos describe <app>`"],
  ["startOrReload x", "there is no command 'startOrReload'", "that is `velos apply -f velos.toml`"],
  ["apply my.toml", "'my.toml' is one word too many", "write velos apply -f my.toml"],
  ["start my.toml", "my.toml describes apps", "velos start --config my.toml"],
  [
    "start ecosystem.config.js --env production",
    "ecosystem.config.js looks like a file that describes apps",
    "`velos import ecosystem.config.js` writes a velos.toml of what pm2 reads; `velos start -- node ecosystem.config.js` runs it",
  ],
  [
    "start process.yml",
    "process.yml looks like a file that describes apps",
    "`velos import process.yml` writes a velos.toml of what pm2 reads; `velos start -- node process.yml` runs it",
  ],
  ["start a.js --only b", "--only picks apps of a file", "name the file: --config velos.toml"],
  [
    "restart api --update-env",
    "unknown option --update-env",
    "what an app is given is said at `velos start`: start it again with its script, --name and --env",
  ],
  ["logs api --nostream", "unknown option --nostream", "that is how it is without -f"],
  ["list --sort cpu", "unknown option --sort", "instances are sorted by name"],
  ["--frob", "unknown option --frob", "`velos --help` lists the commands"],
  ["list --jsn", "unknown option --jsn", "did you mean `--json`?"],
  ["list --zzz", "unknown option --zzz", "`velos list --help` shows how it is used"],
  ["list --watch=3", "--watch takes no value", "`velos list --help` shows how it is used"],
  ["list -wx", "unknown option -x", "`velos list --help` shows how it is used"],
  ["start a.js --nmae x", "unknown option --nmae", "did you mean `--name`?"],
  ["start a.js --port 3000", "unknown option --port", "did you mean `--listen`?"],
  ["start a.js --port=3000", "unknown option --port", "did you mean `--listen`?"],
  ["start a.js -p 3000", "unknown option -p", "did you mean `--listen`?"],
  ["start a.js --output x", "unknown option --output", "what apps write goes to the journal: `velos logs <app>`"],
  ["logs api --tail 3", "unknown option --tail", "did you mean `--lines`?"],
  ["ping --replicas 3", "unknown option --replicas", "`velos ping --help` shows how it is used"],
  ["stop --all", "unknown option --all", "write `all` in place of a name"],
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
  [
    "logs --since soon",
    "--since: 'soon' is not a time",
    "write 10m, 2h, 14:30, yesterday, 2026-01-31 or 2026-01-31T14:30",
  ],
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
    "1 to 64 of A-Z a-z 0-9 _ . - , beginning with a letter or digit, not ending with - ; choose one with --name",
  ],
];

describe("the words of other tools", () => {
  it("point to commands and options that there are", async () => {
    const { commandHints, optionHints } = await import("../../src/cli/other-words.ts");
    const { commands, aliases } = await import("../../src/cli/catalogue.ts");
    for (const [word, hint] of Object.entries(commandHints)) {
      expect(word in commands || word in aliases, word).toBe(false);
      for (const [, name] of hint.matchAll(/`velos ([a-z]+)/g)) expect(Object.keys(commands), hint).toContain(name);
    }
    const { formOf } = await import("../../src/cli/command-form.ts");
    const known = new Set<string>();
    for (const load of Object.values(commands))
      for (const { names } of formOf(await load()).options) for (const name of names) known.add(name);
    for (const [option, hint] of Object.entries(optionHints))
      for (const [name] of hint.matchAll(/--[a-z-]+/g)) expect([...known], `${option}: ${hint}`).toContain(name);
  });
});

it.each([
  ["stop"],
  ["restart"],
  ["reload"],
  ["delete"],
  ["signal", "TERM"],
  ["logs"],
  ["describe"],
  ["list"],
  ["env"],
  ["rollout", "undo"],
])("an empty selector is none, which velosd need not be asked: velos %s %s", async (...argv) => {
  const { code, err } = await new FakeTerminal("/nowhere").run(...argv.filter((word) => word), "");
  expect([code, err]).toEqual([2, "velos: '' is not a selector: it is empty\n  write api, api:2, api* or all\n"]);
});

it("scale needs a name, too", async () => {
  const { code, err } = await new FakeTerminal("/nowhere").run("scale", "", "2");
  expect([code, err]).toEqual([2, expect.stringContaining("'' is not a selector")]);
});

it("a short option takes its number right behind it", async () => {
  const { err } = await new FakeTerminal("/nowhere").run("start", "/bin/sleep", "-i0");
  expect(err).toContain("--instances: '0' is not a number of instances");
  expect((await new FakeTerminal("/nowhere").run("logs", "-fn1", "--level", "loud")).err).not.toContain(
    "unknown option",
  );
});

it("the version is told whatever stands before it", async () => {
  const { code, out } = await new FakeTerminal("/nowhere").run("--user", "--version");
  expect([code, out]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/)]);
});

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
