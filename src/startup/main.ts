// A bundle of its own: no command but `startup` and `unstartup` reads it.
export { startup } from "./startup.ts";
export type { StartupReport } from "./startup.ts";
export { unstartup } from "./unstartup.ts";
export type { UnstartupReport } from "./unstartup.ts";
