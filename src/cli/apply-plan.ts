import type { AppView } from "../controller/views.ts";
import type { ResolvedApp } from "../config/resolve.ts";
import type { AppSpec } from "../domain/app.ts";
import { fingerprint, specDigest } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import { formatListen, movedText, overlap, sameListen } from "../domain/listen.ts";
import { applyQuantity } from "../domain/quantity.ts";
import type { StartedApp } from "./start-apps.ts";

/**
 * What `velos apply` does to an app that the file names. `changed`: in place, no instance is replaced; `moved`: to other
 * addresses, for which all instances are down for a moment.
 */
export type ApplyAction = "created" | "resumed" | "rolled" | "moved" | "scaled" | "changed" | "unchanged";

/** An app of the file, and what is done to it. */
export interface AppliedApp {
  name: string;
  actions: ApplyAction[];
  /** How many instances it had, where that is changed. */
  from?: number;
  instances: number;
  /** Its addresses, where those are changed. */
  listen?: string[];
}

/** An app as velosd has it. */
export interface CurrentApp {
  view: AppView;
  /** With its secrets, which are compared too. */
  spec: AppSpec;
}

/** What applying a file comes to. */
export interface ApplyPlan {
  /** In the order in which they are dealt with. */
  apps: AppliedApp[];
  /** Apps that are as they should be, some of whose instances have ended by themselves: a start would run those again. */
  ended: string[];
  /** Apps that the file does not name. */
  deletions: string[];
  /** Those of them that hold an address which an app of the file asks for: they have to go first. */
  inTheWay: string[];
}

/**
 * What applying these apps would do, without doing it.
 * @param processors of this machine, for `max`
 * @throws VelosError USAGE for apps that are to have each other's addresses
 */
export const applyPlan = (
  wanted: readonly ResolvedApp[],
  current: readonly CurrentApp[],
  processors: number,
): ApplyPlan => {
  const byName = new Map(current.map((app) => [app.view.name, app]));
  const named = new Set(wanted.map(({ spec }) => spec.name));
  const rest = current.filter(({ view }) => !named.has(view.name));
  const addresses = wanted.flatMap(({ spec }) => spec.listen);
  const apps = inOrder(wanted, byName).map((app) => planOne(app, byName.get(app.spec.name), processors));
  const isEnded = ({ name, actions }: AppliedApp): boolean =>
    actions.includes("unchanged") && byName.get(name)!.view.processes.some(({ hold }) => hold !== undefined);
  return {
    apps,
    ended: apps.filter(isEnded).map(({ name }) => name),
    deletions: rest.map(({ view }) => view.name),
    inTheWay: rest
      .filter(({ spec }) => spec.listen.some((address) => addresses.some((other) => overlap(address, other))))
      .map(({ view }) => view.name),
  };
};

/** The apps as the file has them, but whoever gives an address up before whoever is to have it. */
const inOrder = (wanted: readonly ResolvedApp[], current: ReadonlyMap<string, CurrentApp>): ResolvedApp[] => {
  const done = new Set<ResolvedApp>();
  const visit = (app: ResolvedApp, path: readonly ResolvedApp[]): void => {
    if (done.has(app)) return;
    if (path.includes(app)) throw exchange(path.slice(path.indexOf(app)).map(({ spec }) => spec.name));
    for (const other of wanted) if (gives(other, app, current)) visit(other, [...path, app]);
    done.add(app);
  };
  for (const app of wanted) visit(app, []);
  return [...done];
};

/** True when an app that runs has an address that it is to give up, and that another is to have. */
const gives = (from: ResolvedApp, to: ResolvedApp, current: ReadonlyMap<string, CurrentApp>): boolean => {
  const has = current.get(from.spec.name);
  if (from === to || !has?.view.running) return false;
  return has.spec.listen.some(
    (address) =>
      to.spec.listen.some((other) => overlap(address, other)) &&
      !from.spec.listen.some((kept) => overlap(address, kept)),
  );
};

const exchange = (names: readonly string[]): VelosError =>
  new VelosError("USAGE", {
    why: `${names.join(" and ")} are to have each other's addresses, and none of them can move first`,
    hint: `nothing was done; \`velos stop ${names.at(-1)}\` frees what it has, then apply the file again`,
  });

const planOne = (
  { spec, instances, instancesGiven }: ResolvedApp,
  current: CurrentApp | undefined,
  processors: number,
): AppliedApp => {
  const { name } = spec;
  const before = current?.view.instances ?? 1;
  const count = current && !instancesGiven ? before : applyQuantity(instances, before, processors);
  if (!current) return { name, actions: ["created"], instances: count };
  const { view } = current;
  const actions: ApplyAction[] = [];
  // One that has ended by itself and is not to be restarted did what it was for; cron or an operator starts it again.
  const hasEnded = view.processes.some(({ hold }) => hold !== undefined);
  const isHeld = view.processes.some(({ hold }) => hold !== undefined && hold.why !== "exited");
  if (!view.running || isHeld) actions.push("resumed");
  const isMoved = view.running && !sameListen(spec.listen, current.spec.listen);
  if (isMoved) actions.push("moved");
  else if (fingerprint(spec) !== view.spec) actions.push("rolled");
  else if (specDigest(spec) !== specDigest(current.spec)) actions.push("changed");
  if (count !== before) actions.push("scaled");
  // With what is changed all of it is started.
  if (hasEnded && actions.length > 0 && actions[0] !== "resumed") actions.unshift("resumed");
  return {
    name,
    actions: actions.length === 0 ? ["unchanged"] : actions,
    ...(count !== before && { from: before }),
    instances: count,
    ...(isMoved && { listen: spec.listen.map(formatListen) }),
  };
};

/** What applying did to an app, by what velosd answered. @param planned what it was to be */
export const applied = ({ app, outcome, before }: StartedApp, planned: AppliedApp): AppliedApp => {
  const actions: ApplyAction[] = [];
  const isScaled = before !== undefined && before.instances !== app.instances;
  const wasDown = before !== undefined && (!before.running || before.processes.some(({ hold }) => hold !== undefined));
  if (outcome === "created") actions.push("created");
  if (outcome === "resumed" || (wasDown && outcome !== "unchanged")) actions.push("resumed");
  const isMoved = outcome !== "unchanged" && planned.listen !== undefined;
  if (isMoved) actions.push("moved");
  else if (before && before.spec !== app.spec) actions.push("rolled");
  // The answers do not tell what was changed in place.
  else if (before && outcome !== "unchanged" && planned.actions.includes("changed")) actions.push("changed");
  if (isScaled) actions.push("scaled");
  return {
    name: app.name,
    actions: actions.length === 0 ? ["unchanged"] : actions,
    ...(isScaled && { from: before.instances }),
    instances: app.instances,
    ...(isMoved && { listen: planned.listen! }),
  };
};

/** `api: rolled, scaled from 2 to 4` */
export const appliedText = ({ name, actions, from, instances, listen }: AppliedApp): string => {
  const words = actions.map((action) => {
    if (action === "scaled") return `scaled from ${from} to ${instances}`;
    if (action === "moved") return movedText(listen ?? []);
    return action === "changed" ? "changed in place" : action;
  });
  return `${name}: ${words.join(", ")}`;
};
