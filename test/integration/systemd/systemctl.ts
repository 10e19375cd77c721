import { execFile } from "node:child_process";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** `systemctl --user`: what an operator sees who has never heard of velos. It must succeed. */
export const systemctl = async (...args: string[]): Promise<string> =>
  (await exec("systemctl", ["--user", ...args], { maxBuffer: 64 * 1024 * 1024 })).stdout.trimEnd();

/** A unit as `systemctl show` tells it. */
export interface ShownUnit {
  unit: string;
  activeState: string;
  subState: string;
  mainPid: number;
}

/** Every instance unit that is loaded, by its name. */
export const shownInstances = async (): Promise<Map<string, ShownUnit>> => {
  const text = await systemctl("show", "--property=Id,ActiveState,SubState,MainPID", "velos-*@*.service");
  const units = text
    .split("\n\n")
    .filter((block) => block.trim() !== "")
    .map((block): [string, ShownUnit] => {
      const fields = new Map(block.split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string]));
      const unit = fields.get("Id")!;
      const shown = {
        unit,
        activeState: fields.get("ActiveState")!,
        subState: fields.get("SubState")!,
        mainPid: Number(fields.get("MainPID")),
      };
      return [unit, shown];
    });
  return new Map(units);
};

/** Names of all loaded units of velos: instances, slices, sockets, velosd's own. */
export const loadedUnits = async (): Promise<string[]> => {
  const text = await systemctl("list-units", "--all", "--plain", "--no-legend", "--no-pager", "velos*");
  return text.split("\n").flatMap((line) => line.split(" ")[0] || []);
};

/** One property of a unit. */
export const property = async (unit: string, name: string): Promise<string> =>
  systemctl("show", "--value", `--property=${name}`, unit);

/** Waits until the journal has what was written before. */
export const syncJournal = async (): Promise<void> => {
  await exec("journalctl", ["--sync"]);
};
