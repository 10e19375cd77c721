import { describe, it } from "vitest";
import type { RebootReport } from "./expect-rebooted.ts";
import { expectRebooted } from "./expect-rebooted.ts";
import { inMachine } from "./machine.ts";

describe.each(["bookworm", "trixie"])("after a reboot of Debian %s", (suite) => {
  it("everything that ran runs again in both scopes, and what was stopped stays stopped", async () => {
    const copies = ["dist", "test/vm/guest", "packaging/examples"].flatMap((directory) => ["--copy", directory]);
    const options = ["--suite", suite, "--reboots", "1", ...copies, "--timeout", "1100"];
    expectRebooted(await inMachine<RebootReport>("reboot", ...options, "--", "node", "/src/guest/reboot.mjs"));
  });
});
