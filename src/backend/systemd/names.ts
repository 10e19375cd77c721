// The only file that spells the names of units, slices and paths of the service manager. Both directions of every
// escape are here.
import type { Scope } from "../backend.ts";
import { isAppName } from "../../domain/app-name.ts";

const INSTANCE = /^velos-(.+)@(\d{1,4})\.service$/;

/** `velos-api@2.service` */
export const instanceUnit = (app: string, index: number): string => `velos-${app}@${index}.service`;

/** Pattern of every instance unit, for ListUnitsByPatterns. */
export const instancePattern = "velos-*@*.service";

/** The app and index that an instance unit's name says; undefined for any other unit. */
export const parseInstanceUnit = (unit: string): { app: string; index: number } | undefined => {
  const match = INSTANCE.exec(unit);
  if (!match?.[1] || !match[2] || !isAppName(match[1]) || String(Number(match[2])) !== match[2]) return undefined;
  return { app: match[1], index: Number(match[2]) };
};

/**
 * Slice of an app, a child of `velos.slice`: a dash in a slice's name means "inside", so dashes of the app's own name
 * are escaped (`velos-api\x2dweb.slice`, else it would be inside the slice of an app called `api`).
 */
export const appSlice = (app: string): string => `velos-${app.replaceAll("-", "\\x2d")}.slice`;

/** Identifier of an app's lines in the journal. */
export const syslogIdentifier = (app: string): string => `velos-${app}`;

/** Directory of the manager's transient drop-ins for all instances of an app. */
export const dropInDirectory = (app: string, scope: Scope, runtimeDirectory: string): string =>
  scope === "system"
    ? `/run/systemd/system/velos-${app}@.service.d`
    : `${runtimeDirectory}/systemd/user/velos-${app}@.service.d`;

/** The unit that holds an app's listening sockets. */
export const appSocket = (app: string): string => `velos-${app}.socket`;

/** What every socket unit must name, and what never does anything. */
export const socketAnchor = (app: string): string => `velos-${app}.service`;

/** Pattern of every app's socket unit. */
export const socketPattern = "velos-*.socket";

/** The app whose sockets a unit holds; undefined for any other unit. */
export const parseSocketUnit = (unit: string): string | undefined => {
  const app = /^velos-(.+)\.socket$/.exec(unit)?.[1];
  return app !== undefined && isAppName(app) ? app : undefined;
};

/** Directory, below the manager's runtime directory, of the socket at which an instance is asked for its health. */
export const healthDirectory = (app: string, index: number): string => `velos-health/${app}/${index}`;

/** File, below the manager's runtime directory, in which an app's instances tell each other their load. */
export const loadTable = (app: string): string => `velos-load/${app}`;

/** The timer that restarts an app on a schedule, and the service it starts: velos's own, so they begin with `velosd`. */
export const cronTimer = (app: string): string => `velosd-cron-${app}.timer`;
export const cronService = (app: string): string => `velosd-cron-${app}.service`;

/** velosd's own service; its socket starts it, and while it is away the path unit, which goes with it by its name. */
export const daemonService = "velosd.service";
export const daemonPath = "velosd.path";

const UNIT_PATH = "/org/freedesktop/systemd1/unit/";

/** Object path of a unit: every byte but letters and digits (and a leading digit) becomes `_xx`. */
export const unitPath = (unit: string): string => {
  let path = UNIT_PATH;
  for (const [position, byte] of Buffer.from(unit, "utf8").entries()) {
    const character = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9]/.test(character) && !(position === 0 && /[0-9]/.test(character));
    path += plain ? character : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return path;
};

/** The unit of an object path; undefined for a path that is not a unit's. */
export const unitFromPath = (path: string): string | undefined =>
  path.startsWith(UNIT_PATH)
    ? path
        .slice(UNIT_PATH.length)
        .replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : undefined;

/** How every path of velos's units begins: signals of other units are dropped by it unread. */
export const instancePathPrefix = `${UNIT_PATH}velos_2d`;
