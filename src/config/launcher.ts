import { basename } from "node:path";

/** Programs that run a script in a process of its own. */
const LAUNCHERS = new Set(["npm", "npx", "yarn", "yarnpkg", "pnpm", "pnpx", "bunx", "nodemon"]);

/**
 * Why an app with `listen` that is run by these words would not get its addresses: a launcher does not pass them on, and
 * where velos does not see that Node is run, Node does not load what hands them over. Undefined where nothing is known.
 */
export const whyDeaf = (words: readonly string[]): string | undefined => {
  const [program = "", first = "", line = ""] = words;
  const name = basename(program);
  if (/^(?:ba|da)?sh$/.test(name)) {
    return first === "-c" ? whyDeaf(line.replace(/^\s*exec\s+/, "").split(/\s+/)) : undefined;
  }
  if (LAUNCHERS.has(name) || (name === "bun" && (first === "run" || first === "x")))
    return `${name} runs the script in a process of its own, which does not get the addresses of \`listen\``;
  return name === "node" ? "Node in a shell's command does not get the addresses of `listen`" : undefined;
};
