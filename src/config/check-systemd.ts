import type { AppSpec } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { ResolvedApp } from "./resolve.ts";
import type { AppDraft } from "./settings.ts";

/** What systemd would ignore of an app's own settings; see refusedSettings. */
export type RefusedSettings = (spec: AppSpec) => Promise<{ name: string; why: string }[]>;

/**
 * Refuses properties in `[apps.x.systemd]` that systemd would take no notice of.
 * @param apps made of the drafts, in their order
 * @throws VelosError CONFIG_INVALID
 */
export const checkSystemdSettings = async (
  drafts: readonly AppDraft[],
  apps: readonly ResolvedApp[],
  refused: RefusedSettings,
): Promise<void> => {
  for (const [at, { spec }] of apps.entries()) {
    if (Object.keys(spec.systemd).length === 0) continue;
    const [first, ...more] = await refused(spec);
    if (first === undefined) continue;
    const others = more.length === 0 ? "" : `; ${more.length} more ${more.length === 1 ? "problem" : "problems"} there`;
    throw new VelosError("CONFIG_INVALID", {
      where: drafts[at]!.where("systemd", first.name),
      why: `systemd would ignore ${first.name} of ${spec.name}: ${first.why}`,
      hint: `it takes what [Service] of a unit file has: systemd.exec(5), systemd.service(5), systemd.resource-control(5)${others}`,
    });
  }
};
