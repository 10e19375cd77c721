// Spells the properties of a sandbox, as properties.ts does those of everything else.
import type { AppSpec } from "../../domain/app.ts";
import { capabilityMask } from "../../domain/capabilities.ts";
import type { Credential, Sandbox } from "../../domain/sandbox.ts";
import { dynamicUser, stateDirectory } from "../../domain/sandbox.ts";
import type { Scope } from "../backend.ts";
import { Variant } from "./bus.ts";
import type { Property } from "./properties.ts";

/** What has to be there for an instance although the profile hides what is around it; `source` is what is seen. */
export interface Seen {
  source: string;
  path: string;
  writable: boolean;
  /** An instance starts also where it is not there. */
  optional: boolean;
}

/** What of a sandbox depends on this machine; see sandbox-paths.ts. */
export interface SandboxPlaces {
  scope: Scope;
  seen: readonly Seen[];
  /** What may be written where it is; after a `-`, where it is there. */
  writable: readonly string[];
}

/**
 * What containers keep by default (Docker, Podman): enough to open a low port and to change to another user, not
 * enough to change the kernel, the network or another's processes.
 */
const OF_A_CONTAINER = capabilityMask([
  ...["CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD"],
  ...["CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"],
  "CAP_SYS_CHROOT",
]);

/** Calls that no app of a container can make use of. Those of browsers' own sandboxes are not among them. */
const FORBIDDEN = ["@clock", "@cpu-emulation", "@module", "@obsolete", "@raw-io", "@reboot", "@swap"];

const EPERM = 1;
/** Mounts below what is bound are bound, too (mount(2)). */
const MS_REC = 16_384n;

const yes = (...names: string[]): Property[] => names.map((name) => [name, new Variant("b", true)]);
const text = (name: string, value: string): Property => [name, new Variant("s", value)];
const number = (name: string, value: number): Property => [name, new Variant("u", value)];
const list = (name: string, values: readonly string[]): Property => [name, new Variant("as", [...values])];
const filter = (name: string, isAllowed: boolean, values: string[]): Property => [
  name,
  new Variant("(bas)", [isAllowed, values]),
];

/** The properties of an app's sandbox; none where it has none. */
export const sandboxProperties = (spec: AppSpec, places: SandboxPlaces): Property[] => {
  const { sandbox } = spec;
  if (!sandbox) return [];
  return [
    ...profiles[sandbox.profile](spec, sandbox, places.scope),
    ...(sandbox.network === false ? yes("PrivateNetwork") : []),
    ...(hasPrivateTmp(sandbox) ? yes("PrivateTmp") : []),
    ...((sandbox.devices ?? sandbox.profile !== "strict") ? [] : yes("PrivateDevices")),
    ...(sandbox.writeExecute === false ? yes("MemoryDenyWriteExecute") : []),
    ...(sandbox.newPrivileges === false || sandbox.profile === "strict" ? yes("NoNewPrivileges") : []),
    ...(places.writable.length > 0 ? [list("ReadWritePaths", places.writable)] : []),
    ...(sandbox.hide?.length ? [list("InaccessiblePaths", sandbox.hide)] : []),
    ...bind("BindReadOnlyPaths", places, false),
    ...bind("BindPaths", places, true),
    ...needsNamespace(sandbox, places),
  ];
};

/** Directories in which nothing is but what an instance is shown, and its own. */
export const hiddenDirectories = (sandbox: Sandbox): string[] => [
  ...(sandbox.profile === "strict" ? ["/home", "/root", "/run/user"] : []),
  ...(hasPrivateTmp(sandbox) ? ["/tmp", "/var/tmp"] : []),
];

const hasPrivateTmp = (sandbox: Sandbox): boolean => sandbox.privateTmp ?? sandbox.profile === "strict";

/**
 * Filters of system calls are set by whoever starts the instance: a user's own manager may do so only for processes that
 * cannot gain rights any more, and for an app with a user the system's manager does the same. `newPrivileges` leaves
 * them out.
 */
const forAnyScope = (): Property[] => [
  ...yes("LockPersonality", "RestrictRealtime"),
  list("SystemCallArchitectures", ["native"]),
  ["SystemCallErrorNumber", new Variant("i", EPERM)],
];

const profiles: Record<Sandbox["profile"], (spec: AppSpec, sandbox: Sandbox, scope: Scope) => Property[]> = {
  none: (spec, sandbox) => (sandbox.capabilities ? capabilities(spec, sandbox.capabilities) : []),

  default: (spec, sandbox, scope) => [
    ...(sandbox.newPrivileges === true ? [] : [...forAnyScope(), filter("SystemCallFilter", false, FORBIDDEN)]),
    ...(scope === "user"
      ? []
      : [
          ...(sandbox.newPrivileges === true
            ? []
            : yes("ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectHostname")),
          ...yes("ProtectControlGroups"),
          ...(sandbox.capabilities
            ? capabilities(spec, sandbox.capabilities)
            : [["CapabilityBoundingSet", new Variant("t", OF_A_CONTAINER)] as Property]),
        ]),
  ],

  strict: (spec, sandbox, scope) => [
    ...forAnyScope(),
    filter("SystemCallFilter", true, ["@system-service"]),
    filter("SystemCallFilter", false, ["@privileged", "@resources"]),
    // Netlink is how a program learns the machine's addresses, which servers print when they listen.
    filter("RestrictAddressFamilies", true, [
      ...["AF_UNIX", "AF_NETLINK"],
      ...(sandbox.network === false ? [] : ["AF_INET", "AF_INET6"]),
    ]),
    ["RestrictNamespaces", new Variant("t", 0n)],
    ...yes("RestrictSUIDSGID"),
    text("ProtectSystem", "strict"),
    text("ProtectHome", "tmpfs"),
    text("ProtectProc", "invisible"),
    ...yes("ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups"),
    ...yes("ProtectHostname"),
    ...(sandbox.devices === true ? [] : yes("ProtectClock")),
    number("UMask", 0o077),
    ...(scope === "system" ? ownUser(spec) : []),
    ...capabilities(spec, sandbox.capabilities ?? []),
    // In a user namespace capabilities of the machine mean nothing, so it is one or the other.
    ...(scope === "system" && !sandbox.capabilities?.length ? yes("PrivateUsers") : []),
  ],
};

/** A directory that is its own, and a user where none is named. */
const ownUser = (spec: AppSpec): Property[] => [
  ...(spec.user === undefined
    ? [...yes("DynamicUser"), text("User", dynamicUser(spec.name))]
    : [...yes("RemoveIPC"), text("KeyringMode", "private")]),
  list("StateDirectory", [stateDirectory(spec.name)]),
  number("StateDirectoryMode", 0o700),
];

const capabilities = (spec: AppSpec, names: readonly string[]): Property[] => {
  const mask = new Variant("t", capabilityMask(names));
  const isRoot = spec.user === "root" || (spec.user === undefined && spec.sandbox?.profile !== "strict");
  return [["CapabilityBoundingSet", mask], ...(isRoot ? [] : [["AmbientCapabilities", mask] as Property])];
};

const bind = (name: string, { seen }: SandboxPlaces, writable: boolean): Property[] => {
  const entries = seen
    .filter((one) => one.writable === writable)
    .map(({ source, path, optional }) => [source, path, optional, MS_REC]);
  return entries.length === 0 ? [] : [[name, new Variant("a(ssbt)", entries)]];
};

/** In a user's own scope mounts can be arranged only inside a user namespace; without it they would be left out. */
const needsNamespace = (sandbox: Sandbox, { scope, seen, writable }: SandboxPlaces): Property[] => {
  const mounts =
    sandbox.profile === "strict" ||
    hasPrivateTmp(sandbox) ||
    sandbox.network === false ||
    sandbox.devices === false ||
    (sandbox.hide?.length ?? 0) + seen.length + writable.length > 0;
  return scope === "user" && mounts ? yes("PrivateUsers") : [];
};

/**
 * The properties of an app's secrets.
 * @param fileOf where the text of one is kept
 */
export const credentialProperties = (
  credentials: Readonly<Record<string, Credential>>,
  fileOf: (name: string) => string,
): Property[] => {
  const plain: [string, string][] = [];
  const encrypted: [string, string][] = [];
  for (const [name, credential] of Object.entries(credentials)) {
    if ("encrypted" in credential) encrypted.push([name, credential.encrypted]);
    else plain.push([name, "path" in credential ? credential.path : fileOf(name)]);
  }
  const load = (property: string, entries: [string, string][]): Property[] =>
    entries.length === 0 ? [] : [[property, new Variant("a(ss)", entries)]];
  return [...load("LoadCredential", plain), ...load("LoadCredentialEncrypted", encrypted)];
};
