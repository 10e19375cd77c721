import { expect, test } from "vitest";
import { Variant } from "../../../src/backend/systemd/bus.ts";
import { Units } from "../../../src/backend/systemd/units.ts";
import { newTrack, trackRun } from "../../../src/domain/crash-track.ts";

const UNIT = "velos-api@0.service";
const signatures = { ActiveState: "s", SubState: "s", Job: "(uo)", InvocationID: "ay", MainPID: "u", NRestarts: "u" };

/** What a signal says, or the answer of a full look. */
const said = (facts: Partial<Record<keyof typeof signatures, unknown>>): Record<string, Variant> =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      new Variant(signatures[name as keyof typeof signatures], value),
    ]),
  );
const run = (name: string): Uint8Array => Buffer.from(name);

test("the count of a run is its own, also while the manager has counted the next and not begun it", () => {
  const units = new Units();
  const before = { ...newTrack(), run: Buffer.from("first").toString("hex"), restarts: 13, total: 13, ended: 13 };
  const look = (track: typeof before) => trackRun(track, units.observe("api")[0]!, 1000);

  // What a velosd finds that the end of the second run has woken: as seen with systemd 252, and 257 has a word for it.
  for (const subState of ["auto-restart", "auto-restart-queued"]) {
    const [job, none] = [
      [7, "/job/7"],
      [0, "/"],
    ];
    units.changed(
      UNIT,
      said({ ActiveState: "activating", SubState: subState, Job: job, InvocationID: run("second"), NRestarts: 15 }),
    );
    let track = look(before);
    expect(track).toMatchObject({ restarts: 14, total: 14 });
    // The signals of the third run, one interface after the other.
    units.changed(UNIT, said({ MainPID: 100, NRestarts: 15 }));
    track = look(track);
    units.changed(UNIT, said({ ActiveState: "inactive", SubState: "dead", Job: job, InvocationID: run("third") }));
    track = look(track);
    units.changed(UNIT, said({ ActiveState: "active", SubState: "running", Job: none }));
    expect(look(track)).toMatchObject({ restarts: 15, total: 15 });
    units.removed(UNIT);
  }
});
