import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SystemdBackend } from "../../../src/backend/systemd/backend.ts";
import { backendContract } from "../../backend/contract.ts";
import { makeSpec, shellScript } from "../../backend/programs.ts";
import { loadedUnits, systemctl } from "./systemctl.ts";

const { env } = process;

backendContract("systemd", async () => {
  const backends: SystemdBackend[] = [];
  return {
    real: true,
    makeBackend: () => {
      const backend = new SystemdBackend({
        scope: "user",
        busAddress: env["DBUS_SESSION_BUS_ADDRESS"] ?? "",
        runtimeDirectory: env["XDG_RUNTIME_DIR"] ?? "",
        stateDirectory: join(env["HOME"] ?? "", "contract"),
        preload: fileURLToPath(new URL("../../../dist/preload.cjs", import.meta.url)),
        scheduleCommand: { words: () => ["/bin/true"], environment: {} },
      });
      backends.push(backend);
      return backend;
    },
    spec: (name, program, overrides) =>
      makeSpec(name, ["/bin/sh", "-c", shellScript(program, "systemd-notify --ready")], overrides),
    crash: (backend, app, index) => {
      const pid = backend.observe(app).find((instance) => instance.index === index)?.pid;
      if (pid === undefined) throw new Error(`${app}:${index} has no process`);
      process.kill(pid, constants.signals.SIGKILL);
    },
    cleanup: async () => {
      const left = (await loadedUnits()).filter((unit) => !unit.endsWith(".slice"));
      if (left.length > 0) await systemctl("stop", ...left);
      await systemctl("reset-failed");
    },
  };
});
