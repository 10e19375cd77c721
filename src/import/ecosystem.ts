import { VelosError } from "../domain/errors.ts";
import { isTable } from "../config/environment-kinds.ts";
import type { ImportedApp, Remark } from "./imported-app.ts";
import type { Pm2Context } from "./pm2-app.ts";
import { importPm2App } from "./pm2-app.ts";
import { NO_FILE_SERVER, withoutFileServers } from "./pm2-serve.ts";

/** Keys at the top of an ecosystem file that are not apps. */
const TOP: Readonly<Record<string, string>> = {
  deploy: "velos deploys nothing: copy the files as you like, then `velos apply` rolls what has changed",
  module_conf: "velos has no modules",
  static: NO_FILE_SERVER,
};

const HEAD: Remark = {
  key: "environment",
  why: "pm2 gave apps the whole environment of whoever started them; inherit_env = true does that here",
};

/**
 * The apps of a pm2 ecosystem file: `{ apps: [...] }`, an array, or a single app.
 * @throws VelosError CONFIG_INVALID when it has none
 */
export const importEcosystem = (content: unknown, context: Pm2Context): { apps: ImportedApp[]; remarks: Remark[] } => {
  const top = isTable(content) ? content : {};
  const list = Array.isArray(content)
    ? content
    : (top["apps"] ?? top["pm2"] ?? ("script" in top ? content : undefined));
  const written: unknown[] = Array.isArray(list) ? list : list === undefined ? [] : [list];
  const apps = written.filter(isTable);
  if (apps.length === 0 || apps.length < written.length) {
    throw new VelosError("CONFIG_INVALID", {
      where: context.source,
      why: apps.length === 0 ? "it exports no apps" : "one of its apps is not an object",
      hint: "it should export { apps: [{ name, script, … }] }",
    });
  }
  const remarks = Object.keys(top).flatMap((key) => {
    const why = Object.hasOwn(TOP, key) ? TOP[key] : undefined;
    return why === undefined ? [] : [{ key, why }];
  });
  const own = withoutFileServers(apps, context.source);
  return {
    apps: withNames(own.apps.map((app) => importPm2App(app, context))),
    remarks: [HEAD, ...remarks, ...own.remarks],
  };
};

/** Gives each app a name that velos takes, and one of its own. */
export const withNames = (apps: readonly ImportedApp[]): ImportedApp[] => {
  const taken = new Set<string>();
  return apps.map((app) => {
    const plain = usableName(app.name);
    let name = plain;
    for (let number = 2; taken.has(name); number++) name = `${plain.slice(0, 60)}-${number}`;
    taken.add(name);
    if (name === app.name) return app;
    const why =
      name === plain ? `was ${JSON.stringify(app.name)}, which velos does not take` : "there was another of that name";
    return { ...app, name, remarks: [{ key: "name", why }, ...app.remarks] };
  });
};

const usableName = (name: string): string => {
  const plain = name
    .replace(/[^A-Za-z0-9_.-]+/gu, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64)
    .replace(/-+$/, "")
    .replace(/\.(?=service$|socket$)/, "-");
  return plain === "" || plain === "all" ? `app${plain === "" ? "" : `-${plain}`}` : plain;
};
