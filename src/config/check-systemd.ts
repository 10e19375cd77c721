import type { AppSpec } from "../domain/app.ts";
import { VelosError } from "../domain/errors.ts";
import type { AppDraft } from "./settings.ts";

/** What systemd would ignore of an app's own settings; see refusedSettings. */
export type RefusedSettings = (spec: AppSpec) => Promise<{ name: string; why: string }[]>;

/**
 * Refuses properties in `[apps.x.systemd]` that systemd would take no notice of.
 * @param spec made of the draft
 * @throws VelosError CONFIG_INVALID
 */
export const checkSystemdSettings = async (draft: AppDraft, spec: AppSpec, refused: RefusedSettings): Promise<void> => {
  if (Object.keys(spec.systemd).length === 0) return;
  const [first, ...more] = await refused(spec);
  if (first === undefined) return;
  const others = more.length === 0 ? "" : `; ${more.length} more ${more.length === 1 ? "problem" : "problems"} there`;
  throw new VelosError("CONFIG_INVALID", {
    where: draft.where("systemd", first.name),
    why: `systemd would ignore ${first.name} of ${spec.name}: ${first.why}`,
    hint: `it takes what [Service] of a unit file has: systemd.exec(5), systemd.service(5), systemd.resource-control(5)${others}`,
  });
};
