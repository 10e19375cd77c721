import type { AppSpec } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { Sandbox } from "../domain/sandbox.ts";
import type { AppDraft } from "./settings.ts";

/**
 * The sandbox of an app. Where nothing is said it is the profile `default` in the system scope, whose apps may be root's;
 * and none in a user's, whose rights are the limit anyway, and where it would cost the app sudo.
 * @throws VelosError CONFIG_INVALID for settings that exclude each other
 */
export const sandboxOf = (
  draft: AppDraft,
  { scope, user, interpreter, args }: { scope: "system" | "user" } & Pick<AppSpec, "user" | "interpreter" | "args">,
): Pick<AppSpec, "sandbox"> => {
  const written = draft.settings.sandbox ?? {};
  const sandbox: Sandbox = { profile: scope === "system" ? "default" : "none", ...written };
  const wrong = (why: string, hint: string): VelosError =>
    new VelosError("CONFIG_INVALID", { where: draft.where("sandbox"), why, hint });
  if (sandbox.profile === "strict" && sandbox.newPrivileges === true)
    throw wrong("a strict sandbox lets nothing gain rights", 'leave out new_privileges, or take profile = "default"');
  if (sandbox.profile === "strict" && user === "root")
    throw wrong("a strict sandbox is not for root", "name another user, or none: then the app gets one of its own");
  if (scope === "user" && sandbox.capabilities !== undefined)
    throw wrong("only apps of the system scope can have capabilities", "start it as root, or leave this out");
  if (sandbox.writeExecute === false && interpreter === "node" && !args.includes("--jitless"))
    throw wrong(
      "Node makes code at run time, in memory that write_execute = false forbids",
      'leave it out, or write interpreter_args = ["--jitless"]',
    );
  return sandbox.profile === "none" && Object.keys(sandbox).length === 1 ? {} : { sandbox };
};
