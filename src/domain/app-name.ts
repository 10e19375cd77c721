import { VelosError } from "./errors.ts";

const why = (name: string): string | undefined => {
  if (name.length === 0) return "it is empty";
  if (name.length > 64) return `it is ${name.length} characters long`;
  if (!/^[A-Za-z0-9]/.test(name)) return "it must begin with a letter or a digit";
  const bad = /[^A-Za-z0-9_.-]/u.exec(name);
  if (bad) return `it contains ${JSON.stringify(bad[0])}`;
  if (name === "all") return "`all` selects every app";
  if (/\.(service|socket)$/.test(name)) return "it ends like a unit of systemd";
  return undefined;
};

/**
 * True for a name that an app may have, or was given by a velos of before `checkAppName` refused it: such an app is still
 * found, shown and deleted by its name.
 */
export const isAppName = (name: string): boolean => why(name) === undefined;

/**
 * Why no app is given the name any more. systemd reads the drop-ins of `velos-api-@.service` for every unit of which the
 * name begins with `velos-api-` (systemd.unit(5)): those of an app `api-` would be read for the instances of `api-web`.
 */
const whyNotAnew = (name: string): string | undefined =>
  why(name) ?? (name.endsWith("-") ? "it must not end with a dash" : undefined);

/**
 * Returns the name unchanged, which an app is to be given.
 * @throws VelosError APP_NAME_INVALID, saying what is wrong with it
 */
export const checkAppName = (name: string): string => {
  const reason = whyNotAnew(name);
  if (reason !== undefined) throw new VelosError("APP_NAME_INVALID", { name, why: reason });
  return name;
};

/** An app's name made of a file's name: `server.prod.mjs` gives `server.prod`; never fails on an ordinary path. */
export const appNameFromPath = (path: string): string => {
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.(?:mjs|cjs|js|mts|cts|ts|py|rb|sh|pl)$/, "");
  return checkAppName(
    base
      .replace(/[^A-Za-z0-9_.-]+/gu, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 64)
      .replace(/-+$/, ""),
  );
};
