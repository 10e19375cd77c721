import type { AppSpec } from "./app.ts";

/** What is shown in place of a secret. */
export const MASK = "********";

/** A spec as it may be shown: the variables of env files and the texts of secrets are masked, their names are not. */
export const maskedSpec = (spec: AppSpec): AppSpec => ({
  ...spec,
  secretEnv: Object.fromEntries(Object.keys(spec.secretEnv).map((name) => [name, MASK])),
  ...(spec.credentials && {
    credentials: Object.fromEntries(
      Object.entries(spec.credentials).map(([name, one]) => [name, "text" in one ? { text: MASK } : one]),
    ),
  }),
});
