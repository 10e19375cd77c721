import { whyDeaf } from "../config/launcher.ts";
import type { AppSpec } from "../domain/app.ts";
import { formatListen } from "../domain/listen.ts";

/** A line for each app that is given addresses and will not get them. */
export const deafApps = (specs: readonly AppSpec[]): string[] =>
  specs.flatMap(({ name, listen, program, args, interpreter }) => {
    const [address] = listen;
    const why = address && interpreter === undefined ? whyDeaf([program, ...args]) : undefined;
    if (why === undefined) return [];
    const hint = `\`velos start server.js --listen ${formatListen(address!)}\``;
    return [`${name}: ${why}; name the script that listens: ${hint}`];
  });
