import { execFile } from "node:child_process";
import type { Scope } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";

/** Failed starts in a row after which another is no reason to wait. */
const ENOUGH_STARTS = 3;

/**
 * Why nothing is heard over a connection that the service manager holds for velosd: `serves`: velosd is up and busy, or
 * it is none of the manager's; `starting`: it may come yet; an error: it does not come up.
 */
export const whySilent = async (scope: Scope): Promise<"serves" | "starting" | VelosError> => {
  const manager = scope === "user" ? ["--user"] : [];
  const unit = await show([...manager, "show", "velosd.service"]);
  return judge(unit, ["journalctl", ...manager, "-u", "velosd", "-n", "20"].join(" "));
};

/**
 * What the properties of velosd's unit say about its coming.
 * @param journal the command that shows what velosd said
 */
export const judge = (unit: Readonly<Record<string, string>>, journal: string): "serves" | "starting" | VelosError => {
  const { LoadState, ActiveState, SubState, Result, ExecMainStatus } = unit;
  const failure = (why: string): VelosError =>
    new VelosError("DAEMON_UNREACHABLE", {
      why,
      hint: `see \`${journal}\`; apps go on. Where Node or velos was moved: \`velos startup\` again`,
    });
  if (ActiveState === undefined || ActiveState === "active" || ActiveState === "deactivating") return "serves";
  if (LoadState !== "loaded") return failure(`its unit velosd.service is ${LoadState ?? "not there"}`);
  const isTrying = ActiveState === "activating" && SubState !== "auto-restart";
  if (isTrying && Number(unit["NRestarts"]) < ENOUGH_STARTS) return "starting";
  if (ActiveState === "inactive" && Result === "success") return "starting";
  // While it is tried again the manager has forgotten how the last try ended.
  const again = `tried again ${unit["NRestarts"]} times`;
  const how = Result === "exit-code" ? `exit code ${ExecMainStatus}` : Result === "success" ? again : Result;
  return failure(`it does not come up (${how})`);
};

const show = async (args: readonly string[]): Promise<Record<string, string>> =>
  new Promise((resolve) => {
    const names = "LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts";
    // Where there is no systemd nothing is known.
    execFile("systemctl", [...args, `--property=${names}`], (_, stdout) =>
      resolve(
        Object.fromEntries(
          stdout.split("\n").flatMap((line): [string, string][] => {
            const equals = line.indexOf("=");
            return equals < 0 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
          }),
        ),
      ),
    );
  });
