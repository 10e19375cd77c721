import type { AppKey } from "./schema.ts";
import { appKeys } from "./schema.ts";
import type { AppDraft, AppSettings } from "./settings.ts";

/**
 * Lays flags over an app of velos.toml (`velos start --config velos.toml -i 8 --env DEBUG=1`). Settings of `over` win;
 * variables are merged one by one, and those of `over` win against every profile too.
 */
export const overlay = (base: AppDraft, over: AppDraft): AppDraft => {
  const settings: AppSettings = { ...base.settings, ...over.settings };
  if (over.settings.script !== undefined) delete settings.command;
  if (over.settings.command !== undefined) delete settings.script;
  if (over.settings.env !== undefined) {
    settings.env = { ...base.settings.env, ...over.settings.env };
    settings.profiles = Object.fromEntries(
      Object.entries(settings.profiles ?? {}).map(([name, env]) => [name, { ...env, ...over.settings.env }]),
    );
  }
  const isGiven = (key: string): boolean => {
    const entry: object | undefined = Object.hasOwn(appKeys, key) ? appKeys[key as AppKey] : undefined;
    return entry !== undefined && "field" in entry && over.settings[entry.field as keyof AppSettings] !== undefined;
  };
  const name = over.name ?? base.name;
  return {
    ...(name !== undefined && { name }),
    settings,
    baseDir: base.baseDir,
    where: (key) => (isGiven(key) ? over.where(key) : base.where(key)),
  };
};
