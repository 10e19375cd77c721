import fc from "fast-check";
import { expect, it } from "vitest";
import { exportSystemd } from "../../src/export/systemd.ts";
import { specOf } from "../domain/spec.ts";
import { apps } from "./specs.ts";

const options = { scope: "system", directory: "/etc/systemd/system", preload: "// preload" } as const;
const fileOf = (files: readonly { name: string; text: string }[], name: string): string =>
  files.find((file) => file.name === name)!.text;

it("a line of a unit is a setting, whatever the app: nothing of it ends a line", () => {
  fc.assert(
    fc.property(apps, fc.constantFrom("system" as const, "user" as const), (all, scope) => {
      const { files } = exportSystemd(all, { ...options, scope });
      for (const { name, text } of files) {
        if (!/\.(?:service|socket|target|timer|conf)$/.test(name)) continue;
        for (const line of text.split("\n")) {
          expect(line).toMatch(/^(?:|# .*|\[(?:Unit|Service|Socket|Timer|Install)\]|[A-Z][A-Za-z]+=.*)$/);
        }
      }
      for (const { spec, instances } of all) {
        const wants = Array.from({ length: instances }, (_, index) => `${spec.name}@${index}.service`);
        expect(fileOf(files, `${spec.name}.target`)).toContain(`Wants=${wants.join(" ")}\n`);
      }
    }),
    { numRuns: 300 },
  );
});

it("what specifiers, quotes and variables would change is escaped", () => {
  const spec = specOf({ args: ["a b", "$HOME", "50%", 'q"', "\n"], env: { A: '1% "x" \\ \n' }, cwd: "/srv/50%" });
  const unit = fileOf(exportSystemd([{ spec, instances: 1 }], options).files, "api@.service");
  expect(unit).toContain(String.raw`ExecStart=/usr/bin/node "a b" $$HOME "50%%" "q\"" "\n"`);
  expect(unit).toContain(String.raw`Environment="A=1%% \"x\" \\ \n"`);
  expect(unit).toContain("WorkingDirectory=/srv/50%%\n");
});

it("a secret that is a text is in a private file of its own, and nowhere else", () => {
  const text = ' 50% s3cret:"x"\n';
  const spec = specOf({
    credentials: { "key.service": { text }, file: { path: "/srv/50%" }, sealed: { encrypted: "/srv/sealed" } },
  });
  const { files, remarks } = exportSystemd([{ spec, instances: 2 }], { ...options, directory: "/srv/100%" });
  expect(files.filter(({ isPrivate }) => isPrivate)).toEqual([
    { name: "api.credentials/key.service", text, isPrivate: true },
  ]);
  expect(JSON.stringify([files.filter(({ isPrivate }) => isPrivate !== true), remarks])).not.toContain("s3cret");
  const lines = fileOf(files, "api@.service").split("\n");
  expect(lines.filter((line) => line.includes("Credential"))).toEqual([
    "LoadCredential=key.service:/srv/100%%/api.credentials/key.service",
    "LoadCredential=file:/srv/50%%",
    "LoadCredentialEncrypted=sealed:/srv/sealed",
  ]);
});

it("a strict sandbox shows what the app needs of what it hides", () => {
  const spec = specOf({
    program: "/root/.nvm/versions/node/v20/bin/node",
    cwd: "/home/ann/my app",
    script: "/home/ann/my app/server.js",
    sandbox: { profile: "strict", write: ["/srv/data"], capabilities: [] },
  });
  const unit = fileOf(exportSystemd([{ spec, instances: 1 }], options).files, "api@.service");
  for (const line of [
    'BindReadOnlyPaths="/home/ann/my app"',
    "BindReadOnlyPaths=/root/.nvm/versions/node/v20",
    "ReadWritePaths=/srv/data",
    "ProtectHome=tmpfs",
    "CapabilityBoundingSet=",
    "DynamicUser=yes",
  ]) {
    expect(unit.split("\n")).toContain(line);
  }
  const user = fileOf(exportSystemd([{ spec, instances: 1 }], { ...options, scope: "user" }).files, "api@.service");
  expect(user).not.toContain("DynamicUser");
});
