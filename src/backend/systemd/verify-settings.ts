import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppSpec } from "../../domain/app.ts";
import type { Scope } from "../backend.ts";
import { settingsLines } from "./drop-in.ts";

/** A property that the manager would ignore, and what it says of it. */
export interface RefusedSetting {
  name: string;
  why: string;
}

/** Longer than it takes on a machine that has anything else to do. */
const PATIENCE_MS = 10_000;

const HEAD = ["[Service]", "Type=exec", "ExecStart=/bin/true"];

/**
 * The properties of `[apps.x.systemd]` that this machine's systemd would ignore: the manager itself says so only in its
 * own log. Empty where that cannot be asked.
 */
export const refusedSettings = async (
  spec: Pick<AppSpec, "systemd">,
  scope: Scope,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RefusedSetting[]> => {
  const lines = settingsLines(spec);
  if (lines.length === 0) return [];
  const directory = await mkdtemp(join(tmpdir(), "velos-settings-"));
  try {
    const unit = join(directory, "velos-settings@0.service");
    await writeFile(unit, `${[...HEAD, ...lines.map(({ text }) => text)].join("\n")}\n`);
    return complaints(await verify(unit, scope, env), unit, lines);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/** What systemd-analyze says of a unit file; empty where there is none. It fails with most units, for many reasons. */
const verify = (unit: string, scope: Scope, env: Readonly<Record<string, string | undefined>>): Promise<string> =>
  new Promise((resolve) => {
    execFile(
      "systemd-analyze",
      [`--${scope}`, "--man=no", "verify", unit],
      {
        timeout: PATIENCE_MS,
        env: { ...env, LC_ALL: "C", SYSTEMD_LOG_LEVEL: "warning", SYSTEMD_LOG_COLOR: "0", SYSTEMD_LOG_LOCATION: "0" },
      },
      (_, __, stderr) => resolve(stderr),
    );
  });

/**
 * Reads lines such as `/tmp/x.service:5: Failed to parse nice priority 'abc', ignoring: Invalid argument`. What is said
 * without a line is about the unit around the settings, and what does not ignore anything is advice.
 */
export const complaints = (
  said: string,
  unit: string,
  lines: readonly { name: string; text: string }[],
): RefusedSetting[] => {
  // A value may go over several lines.
  const names = lines.flatMap(({ name, text }) => text.split("\n").map(() => name));
  return said.split("\n").flatMap((line) => {
    if (!line.startsWith(`${unit}:`)) return [];
    const [, number, text = ""] = /^(\d+): (.*)$/.exec(line.slice(unit.length + 1)) ?? [];
    const name = names[Number(number) - 1 - HEAD.length];
    if (name === undefined || !/\bignor(?:ing|ed)\b/.test(text)) return [];
    return [{ name, why: text.replace(/,? ignoring(?=[.:]|$)/, "").replace(/\.$/, "") }];
  });
};
