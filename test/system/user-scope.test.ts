import { stat } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { must, rows, velosAsTester } from "./velos.ts";

describe("velos in an ordinary user's scope", () => {
  beforeAll(async () => {
    await must("loginctl", "enable-linger", "tester");
    await must("systemctl", "start", "user@1000.service");
  });
  afterAll(async () => {
    await velosAsTester("delete", "all");
    await velosAsTester("kill");
  });

  it("needs no rights, and its units belong to that user's manager", async () => {
    const started = await velosAsTester("start", "/src/packaging/examples/http.mjs", "--name", "api", "-i", "2");
    expect(started.stderr).toBe("");
    const list = await rows(velosAsTester);
    expect(list.map(({ status }) => status)).toEqual(["online", "online"]);
    expect((await stat(`/proc/${list[0]!.pid}`)).uid).toBe(1000);
    expect((await stat("/run/user/1000/velos/velosd.sock")).mode & 0o777).toBe(0o600);
    const units = await must(
      "systemctl",
      "--user",
      "--machine=tester@",
      "list-units",
      "--plain",
      "--no-legend",
      "velos-api@*",
    );
    expect(units.split("\n")).toHaveLength(2);
  });

  it("finds every last line of a program that ends at once", async () => {
    for (let round = 0; round < 5; round++) {
      await velosAsTester(
        "start",
        "sh",
        "--name",
        `brief${round}`,
        "--no-autorestart",
        "--",
        "-c",
        `echo "line of ${round}"`,
      );
    }
    await must("journalctl", "--sync");
    for (let round = 0; round < 5; round++) {
      expect((await velosAsTester("logs", `brief${round}:0`)).stdout).toBe(`brief${round}:0 | line of ${round}\n`);
    }
  });

  it("refuses another user in one line", async () => {
    const refused = await velosAsTester("start", "sleep", "--name", "other", "--uid", "root", "--", "10");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("only apps of the system scope can run as another user");
  });
});
