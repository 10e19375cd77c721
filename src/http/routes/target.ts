import { VelosError } from "../../domain/errors.ts";
import type { Target } from "../../domain/selector.ts";
import { parseSelector } from "../../domain/selector.ts";
import type { App, Fleet } from "../fleet.ts";
import type { Velosd } from "../velosd.ts";

/** The app or instance that a path names: one, never several. @throws VelosError SELECTOR_INVALID */
export const readTarget = (name: string): Target => {
  const selector = parseSelector(name.slice(0, 200));
  if (selector.kind === "app") return { app: selector.app };
  if (selector.kind === "instance") return { app: selector.app, index: selector.index };
  throw new VelosError("SELECTOR_INVALID", { selector: name.slice(0, 80), why: "a path names one app or instance" });
};

/** The app that a path names. @throws VelosError SELECTOR_INVALID for an instance */
export const readApp = (name: string): string => {
  const { app, index } = readTarget(name);
  if (index === undefined) return app;
  throw new VelosError("SELECTOR_INVALID", { selector: name, why: "this is done to an app as a whole" });
};

/** Where an app or instance is found. */
export const locationOf = (name: string): string => `/api/processes/${encodeURIComponent(name)}`;

/** @throws VelosError DAEMON_UNREACHABLE while what is known may be old */
export const checkPresence = (velosd: Velosd): void => {
  if (velosd.lost) throw velosd.lost;
};

/** @throws VelosError APP_NOT_FOUND */
export const findApp = (fleet: Fleet, name: string): App => {
  const app = fleet.app(name);
  if (!app) throw new VelosError("APP_NOT_FOUND", { selector: name });
  return app;
};

/** The error for an instance that there is not. */
export const noInstance = ({ name, instances }: App, index: number): VelosError =>
  new VelosError("INSTANCE_NOT_FOUND", {
    app: name,
    index,
    range: instances === 1 ? "0" : `0 to ${instances - 1}`,
  });
