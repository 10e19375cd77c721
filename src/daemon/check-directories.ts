import { statSync } from "node:fs";
import type { Paths } from "../config/paths.ts";
import { VelosError } from "../domain/errors.ts";

/**
 * Refuses directories of velosd's in which somebody else could exchange its socket or its store, wherever they come from:
 * the service manager may have made them, or an operator.
 * @throws VelosError PATH_UNSAFE
 */
export const checkDirectories = ({ runtime, state }: Paths, self = process.getuid?.() ?? 0): void => {
  for (const path of new Set([runtime, state])) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory()) continue;
    if ((found.mode & 0o002) !== 0) {
      throw new VelosError("PATH_UNSAFE", { path, why: "is writable by everybody", hint: `chmod o-w ${path}` });
    }
    if (found.uid !== self && found.uid !== 0) {
      const hint = `chown it to the user velosd runs as (${self})`;
      throw new VelosError("PATH_UNSAFE", { path, why: `belongs to user ${found.uid}`, hint });
    }
  }
};
