import type { ResolveContext } from "../config/resolve.ts";
import type { Scope } from "../config/paths.ts";
import { systemAccounts } from "../config/accounts.ts";
import type { Terminal } from "./terminal.ts";

export interface ResolveRequest {
  scope: Scope;
  profile?: string | undefined;
  /** Whether systemd is to run the apps, and has to take what is meant for it. */
  isForSystemd?: boolean;
}

/** Who asks, for resolving apps. */
export const resolveContext = async (
  terminal: Terminal,
  { scope, profile, isForSystemd = false }: ResolveRequest,
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
    ...(isForSystemd && {
      refusedSettings: async (spec) => {
        // Few apps have any.
        const { refusedSettings } = await import("../backend/systemd/verify-settings.ts");
        return refusedSettings(spec, scope, terminal.env);
      },
    }),
  };
};
