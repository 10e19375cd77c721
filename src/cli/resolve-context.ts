import type { ResolveContext } from "../config/resolve.ts";
import type { Scope } from "../config/paths.ts";
import { systemAccounts } from "../config/accounts.ts";
import type { Terminal } from "./terminal.ts";

/** Who asks, for resolving apps. */
export const resolveContext = async (
  terminal: Terminal,
  scope: Scope,
  profile: string | undefined,
): Promise<ResolveContext> => {
  const uid = terminal.getuid?.() ?? 0;
  const account = await systemAccounts()
    .user(String(uid))
    .catch(() => undefined);
  return {
    env: terminal.env,
    caller: {
      uid,
      name: account?.name ?? terminal.env["USER"] ?? String(uid),
      home: terminal.env["HOME"] ?? account?.home ?? "/",
    },
    execPath: terminal.execPath,
    scope,
    ...(profile !== undefined && { profile }),
  };
};
