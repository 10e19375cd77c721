import { configPage } from "./config-page.ts";
import type { ManPage } from "./page.ts";
import { velosPage } from "./velos-page.ts";
import { velosdPage } from "./velosd-page.ts";

/** The manual pages, by the names of their files. */
export const manPages = async (about: ManPage): Promise<Record<string, string>> => {
  const text = (lines: readonly string[]): string => `${lines.join("\n")}\n`;
  return {
    "velos.1": text(await velosPage(about)),
    "velos.toml.5": text(await configPage(about)),
    "velosd.8": text(velosdPage(about)),
  };
};
