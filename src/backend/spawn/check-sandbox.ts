import type { AppSpec } from "../../domain/app.ts";
import { failed } from "./failed.ts";

/**
 * Refuses an app that asks to be kept from something: without systemd nobody would keep it, and it would run with more
 * than it was meant to have. The profile `default`, which nobody has to ask for, is left out without a word.
 * @throws VelosError BACKEND_FAILED
 */
export const checkSandbox = ({ name, sandbox }: AppSpec): void => {
  if (!sandbox) return;
  const limits: Record<string, boolean> = {
    'sandbox = "strict"': sandbox.profile === "strict",
    hide: sandbox.hide !== undefined && sandbox.hide.length > 0,
    "network = false": sandbox.network === false,
    "devices = false": sandbox.devices === false,
    "private_tmp = true": sandbox.privateTmp === true,
    "new_privileges = false": sandbox.newPrivileges === false,
    capabilities: sandbox.capabilities !== undefined,
    "write_execute = false": sandbox.writeExecute === false,
  };
  const asked = Object.keys(limits).find((limit) => limits[limit]);
  if (asked === undefined) return;
  throw failed(`${name} has ${asked}, which only systemd can enforce`, 'run it under systemd, or set sandbox = "none"');
};
