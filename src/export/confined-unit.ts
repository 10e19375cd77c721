import { dirname } from "node:path";
import type { AppSpec } from "../domain/app.ts";
import { dynamicUser, stateDirectory } from "../domain/sandbox.ts";
import type { Setting } from "./unit-text.ts";
import { pathWord, plainText } from "./unit-text.ts";

/** The sandbox of an app as settings of its unit; in a user's scope what a user's manager can give. */
export const sandboxSettings = (spec: AppSpec, scope: "system" | "user"): Setting[] => {
  const { sandbox } = spec;
  if (sandbox === undefined) return [];
  const isStrict = sandbox.profile === "strict";
  const isConfined = sandbox.profile !== "none";
  const isPrivate = sandbox.privateTmp ?? isStrict;
  const hidden = [...(isStrict ? ["/home", "/root", "/run/user"] : []), ...(isPrivate ? ["/tmp", "/var/tmp"] : [])];
  const shown = [
    spec.cwd,
    // The installation that a program is part of: `bin` beside `lib`.
    dirname(dirname(spec.program)),
    ...(spec.script === undefined ? [] : [dirname(spec.script)]),
    ...(sandbox.read ?? []),
  ].filter((path) => hidden.some((directory) => path === directory || path.startsWith(`${directory}/`)));
  const isSystem = scope === "system";
  return [
    ["NoNewPrivileges", (sandbox.newPrivileges ?? !isStrict) ? undefined : true],
    ["PrivateTmp", isPrivate || undefined],
    ["BindReadOnlyPaths", [...new Set(shown)].map(pathWord)],
    ["PrivateDevices", (sandbox.devices ?? !isStrict) ? undefined : true],
    ["PrivateNetwork", sandbox.network === false || undefined],
    ["MemoryDenyWriteExecute", sandbox.writeExecute === false || undefined],
    ...(isConfined && (isStrict || sandbox.newPrivileges !== true)
      ? ([
          ["LockPersonality", true],
          ["RestrictRealtime", true],
          ["SystemCallArchitectures", "native"],
          ["SystemCallErrorNumber", "EPERM"],
          ["SystemCallFilter", isStrict ? ["@system-service", "~@privileged @resources"] : FORBIDDEN],
        ] satisfies Setting[])
      : []),
    ...(isConfined && isSystem ? KERNEL : []),
    ...(isStrict
      ? ([
          ["ProtectSystem", "strict"],
          ["ProtectHome", "tmpfs"],
          ["RestrictNamespaces", true],
          ["RestrictSUIDSGID", true],
          ["StateDirectory", plainText(stateDirectory(spec.name))],
        ] satisfies Setting[])
      : []),
    ...(isStrict && isSystem && spec.user === undefined
      ? ([
          ["DynamicUser", true],
          ["User", dynamicUser(spec.name)],
        ] satisfies Setting[])
      : []),
    ["CapabilityBoundingSet", sandbox.capabilities?.join(" ") ?? (isStrict && isSystem ? "" : undefined)],
    ["AmbientCapabilities", sandbox.capabilities?.join(" ")],
    ["ReadWritePaths", sandbox.write?.map(pathWord)],
    ["InaccessiblePaths", sandbox.hide?.map(pathWord)],
  ];
};

const FORBIDDEN = "~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap";

const KERNEL: Setting[] = [
  "ProtectKernelTunables",
  "ProtectKernelModules",
  "ProtectKernelLogs",
  "ProtectControlGroups",
  "ProtectHostname",
].map((name) => [name, true]);
