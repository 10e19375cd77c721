import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aliases, commands } from "../../src/cli/catalogue.ts";
import { formOf } from "../../src/cli/command-form.ts";
import { namesThere } from "../../src/cli/completions/names.ts";
import { FakeTerminal, TestVelosd } from "./harness.ts";

let directory: string;
const shells: Record<string, (line: string) => string[]> = {
  bash: (line) => {
    const script = `source ./velos.bash; COMP_LINE=$1; COMP_POINT=\${#1}; COMP_WORDS=($1); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _velos; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return answer("bash", ["--norc", "-c", script, "bash", line]).map((word) => breaks(line) + word);
  },
  zsh: (line) => answer("zsh", ["-f", "./drive.zsh", line]),
  fish: (line) =>
    answer("fish", ["--no-config", "-c", "source velos.fish; complete -C $argv[1]", line]).map(
      (word) => word.split("\t")[0]!,
    ),
};

/** What bash leaves alone on the line: it replaces only what stands behind the last `:` or `=`. */
const breaks = (line: string): string => /[^ ]*[:=]/.exec(line.split(" ").at(-1)!)?.[0] ?? "";

const answer = (program: string, args: string[]): string[] => {
  const { stdout, stderr, error } = spawnSync(program, args, {
    cwd: directory,
    encoding: "utf8",
    timeout: 20_000,
    env: {
      PATH: `${directory}:${process.env["PATH"]}`,
      HOME: directory,
      HOSTFILE: join(directory, "hosts"),
      TERM: "dumb",
      LANG: "C.UTF-8",
    },
  });
  if (error) throw error;
  expect(stderr).toBe("");
  return stdout
    .split("\n")
    .map((word) => word.trim())
    .filter((word) => word !== "")
    .sort();
};

/** zsh completes only where somebody types: in a terminal of its own, whose candidates are listed between marks. */
const DRIVE_ZSH = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PROMPT= PS2= RPROMPT=; fpath=(. $fpath); autoload -U compinit; compinit -u -d ./zcompdump; source ./_velos'
zpty -w z 'compadd () { local -a hits o; zparseopts -E -a o D:=d A:=a O:=oo >/dev/null 2>&1
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  builtin compadd -A hits "$@"; print -l -- $hits >>./hits; builtin compadd "$@" }'
zpty -w z 'bindkey "^I" complete-word; zle -C complete-word complete-word _main_complete'
zpty -w z 'finished () { print >./finished }; zle -N finished; bindkey "^X" finished; print READ""Y'
while zpty -r z line; do [[ $line == *READY* ]] && break; done
zpty -n -w z "$1"$'\\t\\x18'
for turn in {1..1000}; do [[ -f finished ]] && break; sleep 0.01; done
zpty -d z
[[ -f hits ]] && sort -u hits
rm -f hits finished
`;

const has = (shell: string): boolean => spawnSync("sh", ["-c", `command -v ${shell}`]).status === 0;
// On a developer's machine those that are there; in CI all of them.
const present = Object.keys(shells).filter((shell) => shell === "bash" || process.env["CI"] === "true" || has(shell));

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "velos-shell-"));
  // Stands in for the installed command.
  const names = ["api", "api:0", "api:1", "web", "web:0"];
  const stub = `#!/bin/sh
[ "$1" = __names ] || exit
printf '%s\\n' ${names.join(" ")}
case "$*" in *--host*) echo elsewhere ;; *--user*) echo mine ;; esac
`;
  writeFileSync(join(directory, "velos"), stub, { mode: 0o755 });
  writeFileSync(join(directory, "velos.toml"), "");
  writeFileSync(join(directory, "hosts"), "192.0.2.1 prod1\n");
  mkdirSync(join(directory, ".ssh"));
  writeFileSync(join(directory, ".ssh", "known_hosts"), "prod1 ssh-ed25519 AAAA\n");
  writeFileSync(join(directory, "server.js"), "");
  writeFileSync(join(directory, "drive.zsh"), DRIVE_ZSH);
  for (const [shell, file] of [
    ["bash", "velos.bash"],
    ["zsh", "_velos"],
    ["fish", "velos.fish"],
  ] as const) {
    const { code, out } = await new FakeTerminal(directory).run("completions", shell);
    expect(code).toBe(0);
    writeFileSync(join(directory, file), out);
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** All that the script of a shell says of the options of a command: one process for all, or the text itself. */
const optionsOf: Record<string, (names: readonly string[]) => Record<string, string>> = {
  bash: (names) => {
    const script = `source ./velos.bash; for name in "$@"; do echo "$name $(_velos_options $name)"; done`;
    return Object.fromEntries(answer("bash", ["--norc", "-c", script, "bash", ...names]).map(firstWord));
  },
  fish: (names) => {
    const offers = `complete -C "velos $name -" | string replace -r '\\t.*' ''; complete -C "velos $name --" | string replace -r '\\t.*' ''`;
    const script = `source velos.fish; for name in $argv; echo $name (begin; ${offers}; end); end`;
    return Object.fromEntries(answer("fish", ["--no-config", "-c", script, ...names]).map(firstWord));
  },
  zsh: (names) => {
    const script = readFileSync(join(directory, "_velos"), "utf8");
    const part = (name: string): string => new RegExp(`\n  ${name}(?: \\|[^)]*)?\\)\n[^]*?;;`).exec(script)![0];
    const spelled = (name: string): string =>
      [...part(name).matchAll(/'(?:\([^)]*\))?(--?[\w-]+)[=+[-]/g)].map(([, one]) => one).join(" ");
    return Object.fromEntries(names.map((name) => [name, spelled(name)]));
  },
};
const firstWord = (line: string): [string, string] => [line.split(" ")[0]!, line.slice(line.indexOf(" ") + 1)];

describe.each(present)("completions for %s", (shell) => {
  const complete = (line: string): string[] => shells[shell]!(line);

  it("know every option of every command", async () => {
    const found = optionsOf[shell]!(Object.keys(commands));
    for (const [name, load] of Object.entries(commands)) {
      const options = found[name]!.split(" ");
      for (const { names } of formOf(await load()).options)
        expect(options, name).toEqual(expect.arrayContaining([...names]));
    }
  });

  it("offer every command", () => {
    expect(complete("velos ")).toEqual(expect.arrayContaining(Object.keys(commands)));
    expect(complete("velos sc")).toEqual(["scale"]);
  });

  it("offer the options of a command, by its aliases too", async () => {
    const options = formOf(await commands["start"]!()).options.flatMap(({ names }) =>
      names.filter((name) => name.startsWith("--")),
    );
    expect(complete("velos start --")).toEqual(expect.arrayContaining(options));
    expect(complete("velos list --wa")).toEqual(["--watch"]);
    for (const [alias, name] of Object.entries(aliases))
      if (name === "list") expect(complete(`velos ${alias} --wa`)).toEqual(["--watch"]);
  });

  it("offer apps, and instances where one can be named", () => {
    expect(complete("velos stop w")).toEqual(["web", "web:0"]);
    expect(complete("velos stop api a")).toEqual(expect.arrayContaining(["all", "api", "api:0", "api:1"]));
    expect(complete("velos stop api:")).toEqual(["api:0", "api:1"]);
    expect(complete("velos scale a")).toEqual(["api"]);
    expect(complete("velos stop m")).toEqual([]);
    expect(complete("velos --user stop m")).toEqual(["mine"]);
    expect(complete("velos scale --user m")).toEqual(["mine"]);
  });

  it("do not count options and what they take", () => {
    expect(complete("velos scale --backend systemd a")).toEqual(["api"]);
    expect(complete("velos --backend spawn --user scale a")).toEqual(["api"]);
    expect(complete("velos rollout --watch status w")).toEqual(["web"]);
    expect(complete("velos logs -f -n 5 we")).toEqual(["web", "web:0"]);
    expect(complete("velos signal --backend=spawn SIGTERM we")).toEqual(["web", "web:0"]);
  });

  it("know that a command can be for another server", () => {
    expect(complete("velos --host pro")).toEqual(["prod1"]);
    expect(complete("velos stop --host pro")).toEqual(["prod1"]);
    expect(complete("velos --host prod1 list --wa")).toEqual(["--watch"]);
    expect(complete("velos --host prod1 stop e")).toEqual(["elsewhere"]);
    expect(complete("velos scale --host=prod1 e")).toEqual(["elsewhere"]);
  });

  it("offer what an option takes", () => {
    expect(complete("velos logs --level wa")).toEqual(["warn"]);
    expect(complete("velos start --config velos.t")).toEqual(["velos.toml"]);
    expect(complete("velos start serv")).toEqual(["server.js"]);
    expect(complete("velos rollout st")).toEqual(["status"]);
    expect(complete("velos completions z")).toEqual(["zsh"]);
    expect(complete("velos signal SIGHU")).toEqual(["SIGHUP"]);
  });
});

describe("the names that are offered", () => {
  it("are those of apps and instances", async () => {
    const velosd = await TestVelosd.start();
    await velosd.velos("start", "server.js", "--name", "api", "-i", "2");
    const surroundings = { env: { VELOS_HOME: velosd.home }, uid: 1000 };
    expect(await namesThere([], surroundings)).toEqual(["api", "api:0", "api:1"]);
    await velosd.close();
  });

  it("are none without velosd", async () => {
    expect(await namesThere(["--host", "prod1"], { env: {}, uid: 0 })).toEqual([]);
    expect(await namesThere(["--user"], { env: { VELOS_HOME: "/nowhere" }, uid: 0 })).toEqual([]);
  });
});
