import { isAppName } from "./app-name.ts";
import { VelosError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** What a command is about: every app, those whose name matches a pattern, one app, or one instance. */
export type Selector =
  | { kind: "all" }
  | { kind: "glob"; pattern: string }
  | { kind: "app"; app: string }
  | { kind: "instance"; app: string; index: number };

/**
 * Parses `all`, `api*`, `api` and `api:2`.
 * @throws VelosError SELECTOR_INVALID
 */
export const parseSelector = (text: string): Selector => {
  const fail = (reason: string): never => {
    throw new VelosError("SELECTOR_INVALID", { selector: text, why: reason });
  };
  if (text === "all") return { kind: "all" };
  const colon = text.indexOf(":");
  if (colon >= 0) {
    const app = text.slice(0, colon);
    const index = text.slice(colon + 1);
    if (!isAppName(app)) return fail(`'${app}' cannot be an app's name`);
    if (!/^\d{1,4}$/.test(index)) return fail(`'${index}' is not the number of an instance`);
    return { kind: "instance", app, index: Number(index) };
  }
  if (/[*?]/.test(text)) {
    if (!/^[A-Za-z0-9_.*?-]+$/.test(text)) return fail("a pattern has letters, digits, _ . - * and ?");
    return { kind: "glob", pattern: text };
  }
  if (!isAppName(text)) return fail("it cannot be an app's name");
  return { kind: "app", app: text };
};

/**
 * True when the app's name matches a pattern of `*` (any text) and `?` (one character). Takes time in proportion to the
 * two lengths, whatever the pattern: on a mismatch only the last `*` takes one character more.
 */
export const matchesGlob = (pattern: string, name: string): boolean => {
  let at = 0;
  let star = -1;
  let starAt = 0;
  let position = 0;
  while (position < name.length) {
    if (pattern[at] === "*") {
      star = at++;
      starAt = position;
    } else if (pattern[at] === "?" || pattern[at] === name[position]) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
};

/** The error for an app that is not there, with the one that was probably meant. */
export const noSuchApp = (app: string, names: readonly string[]): VelosError => {
  // Other tools number apps.
  const [example] = /^\d+$/.test(app) ? names : [];
  if (example !== undefined)
    return new VelosError("APP_NOT_FOUND", { selector: app, nearest: `apps have names, such as ${example}; ` });
  const near = nearest(app, names);
  return new VelosError("APP_NOT_FOUND", { selector: app, ...(near !== undefined && { nearest: `is it ${near}? ` }) });
};

/** One app, and which of its instances: all of them when `index` is absent. */
export interface Target {
  app: string;
  index?: number;
}

/**
 * Resolves selectors against the apps that exist, each app once and in the order of `names`; naming an app covers
 * its single instances too.
 * @throws VelosError APP_NOT_FOUND when a selector matches nothing (`all` may match nothing)
 */
export const resolveSelectors = (selectors: readonly Selector[], names: readonly string[]): Target[] => {
  const whole = new Set<string>();
  const single = new Map<string, Set<number>>();
  for (const selector of selectors) {
    switch (selector.kind) {
      case "all":
        for (const name of names) whole.add(name);
        break;
      case "glob": {
        const matching = names.filter((name) => matchesGlob(selector.pattern, name));
        if (matching.length === 0) throw new VelosError("APP_NOT_FOUND", { selector: selector.pattern });
        for (const name of matching) whole.add(name);
        break;
      }
      case "app":
      case "instance":
        if (!names.includes(selector.app)) throw noSuchApp(selector.app, names);
        if (selector.kind === "app") whole.add(selector.app);
        else single.set(selector.app, (single.get(selector.app) ?? new Set()).add(selector.index));
        break;
    }
  }
  return names.flatMap((app): Target[] => {
    if (whole.has(app)) return [{ app }];
    return [...(single.get(app) ?? [])].sort((a, b) => a - b).map((index) => ({ app, index }));
  });
};
