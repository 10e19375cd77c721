import { expect, it } from "vitest";
import { whyNeeded } from "../../src/controller/why-needed.ts";
import { fingerprint, healthDefaults } from "../../src/domain/app.ts";
import type { ObservedInstance } from "../../src/domain/instance.ts";
import type { AppRecord } from "../../src/domain/record.ts";
import { specOf } from "../domain/spec.ts";

it.each(["previous", "overtaken"])(
  "a check that only instances of another spec still have needs velosd: %s",
  (place) => {
    const checked = specOf({ health: { ...healthDefaults, http: "/" } });
    const spec = specOf({ args: ["2"] });
    const other = place === "previous" ? { previous: checked } : { overtaken: [checked] };
    const record = { spec, ...other, running: true } as unknown as AppRecord;
    const on = (print: string): ObservedInstance[] => [
      { index: 0, status: "online", unit: "", fingerprint: print, run: "a", restarts: 0 },
    ];
    expect(whyNeeded(record, true, on(fingerprint(checked)))).toContain("health check");
    expect(whyNeeded(record, true, on(fingerprint(spec)))).toBeUndefined();
  },
);
