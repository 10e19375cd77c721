import { isTable } from "../config/environment-kinds.ts";
import { VelosError } from "../domain/errors.ts";
import type { Remark } from "./imported-app.ts";
import type { Pm2App } from "./pm2-app.ts";

const HINT = 'use caddy or nginx, or an app such as script = "npx serve -l 8080 /srv/www"';

/** What is said of pm2's file server where it is asked for in another way than by an app. */
export const NO_FILE_SERVER = `velos has no file server of its own; ${HINT}`;

/**
 * The apps without those that are pm2's own file server (`pm2 serve`). It is a file of pm2, and what it serves and to
 * whom is in variables that only it understands: started without them it shows the whole directory to everybody.
 * @throws VelosError CONFIG_INVALID when there is nothing else
 */
export const withoutFileServers = (apps: readonly Pm2App[], source: string): { apps: Pm2App[]; remarks: Remark[] } => {
  const kept = apps.filter((app) => !isFileServer(app));
  if (kept.length === 0 && apps.length > 0) {
    const why = "nothing but pm2's own file server is in it, and velos has none";
    throw new VelosError("CONFIG_INVALID", { where: source, why, hint: HINT });
  }
  return { apps: kept, remarks: apps.filter(isFileServer).map(remarkOn) };
};

/** `serve` is what pm2 calls it in an ecosystem file, the path is what it saves. */
const isFileServer = (app: Pm2App): boolean =>
  ["script", "exec", "cmd", "command", "pm_exec_path"]
    .map((key) => app[key])
    .some((script) => typeof script === "string" && /^serve$|(?:^|\/)pm2\/lib\/API\/Serve\.js$/.test(script));

const remarkOn = (app: Pm2App): Remark => {
  const env = isTable(app["env"]) ? app["env"] : {};
  const said = (name: string, words: string): string => {
    const value = env[`PM2_SERVE_${name}`] ?? app[`PM2_SERVE_${name}`];
    return typeof value === "string" || typeof value === "number" ? ` ${words} ${value}` : "";
  };
  const name = typeof app["name"] === "string" && app["name"] !== "" ? app["name"] : "serve";
  const why = `left out: it is pm2's file server${said("PATH", "for")}${said("PORT", "on port")}, and ${NO_FILE_SERVER}`;
  return { key: name.replace(/\s+/g, " "), why: why.replace(/\s+/g, " ") };
};
