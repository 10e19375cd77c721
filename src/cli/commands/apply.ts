import { availableParallelism } from "node:os";
import { Command, Option } from "clipanion";
import type { Connection } from "../../client/connection.ts";
import type { ResolvedApp } from "../../config/resolve.ts";
import { VelosError } from "../../domain/errors.ts";
import type { AppliedApp, ApplyPlan } from "../apply-plan.ts";
import { applied, appliedText, applyPlan } from "../apply-plan.ts";
import { Failures } from "../failures.ts";
import { withProgress } from "../progress.ts";
import { startApps } from "../start-apps.ts";
import { VelosCommand } from "../velos-command.ts";

export class ApplyCommand extends VelosCommand {
  static override paths = [["apply"]];
  static override usage = Command.Usage({
    description: "make what runs agree with a velos.toml",
    details: `
      Starts, rolls and scales the apps of the file, and leaves alone what is as it should be: applying a file twice
      does nothing the second time. An app that fails keeps none of the others waiting, and the exit code is that of
      the first that failed. With --prune apps that the file does not name are deleted, after everything else has come
      up; before that only those whose address an app of the file asks for.
    `,
    examples: [
      ["", "velos apply -f velos.toml"],
      ["what it would do", "velos apply -f velos.toml --prune --dry-run"],
      ["with a profile", "velos apply -f velos.toml --env production"],
    ],
  });

  file = Option.String("-f,--file,-c,--config", "velos.toml", { description: "the file (velos.toml)" });
  only = Option.String("--only", { description: "only these apps of the file" });
  profile = Option.String("-e,--env", { description: "profile of the file" });
  prune = Option.Boolean("--prune", false, { description: "delete the apps that the file does not name" });
  dryRun = Option.Boolean("--dry-run", false, { description: "say what would be done, do nothing" });

  override async execute(): Promise<number> {
    if (this.prune && this.only !== undefined) {
      throw new VelosError("USAGE", {
        why: "--prune and --only exclude each other",
        hint: "--prune deletes what the whole file does not name",
      });
    }
    if (this.profile?.includes("=") === true) {
      throw new VelosError("USAGE", {
        why: "--env of apply is the name of a profile",
        hint: "write variables into the file, so that applying it again gives the same",
      });
    }
    const { prepareApps } = await import("../prepare-apps.ts");
    const apps = await prepareApps({
      terminal: this.terminal,
      places: this.places,
      envFlags: this.profile === undefined ? [] : [this.profile],
      file: { path: this.file, only: this.only },
      isForSystemd: this.runsBySystemd,
      warn: (line) => this.note(line),
    });
    return this.withDaemon(async (daemon) => {
      const plan = await this.#plan(daemon, apps);
      if (!this.dryRun) return this.#apply(daemon, apps, plan);
      this.#showPlan(plan);
      return 0;
    });
  }

  async #plan(daemon: Connection, apps: readonly ResolvedApp[]): Promise<ApplyPlan> {
    const views = (await daemon.call("list", {})).apps;
    const current = await Promise.all(
      views.map(async (view) => ({
        view,
        spec: (await daemon.call("describe", { selector: view.name, secrets: true })).spec,
      })),
    );
    const plan = applyPlan(apps, current, availableParallelism());
    return this.prune ? plan : { ...plan, deletions: [], inTheWay: [] };
  }

  async #apply(daemon: Connection, apps: readonly ResolvedApp[], plan: ApplyPlan): Promise<number> {
    const done: AppliedApp[] = [];
    const failures = new Failures(this.terminal, this.json);
    const deleted = await this.#delete(daemon, plan.inTheWay);
    const ordered = plan.apps.map(({ name }) => apps.find(({ spec }) => spec.name === name)!);
    // Told one by one: what became of the first two is on the screen while the third is under way.
    for await (const started of startApps(this.terminal, daemon, ordered, plan.ended)) {
      if ("error" in started) {
        await failures.add(daemon, started);
        continue;
      }
      const app = applied(
        started,
        plan.apps.find(({ name }) => name === started.app.name)!,
      );
      done.push(app);
      this.#tell(appliedText(app));
    }
    const rest = plan.deletions.filter((name) => !deleted.includes(name));
    if (failures.exitCode === 0) deleted.push(...(await this.#delete(daemon, rest)));
    else if (rest.length > 0 && !this.json) this.note(`not everything came up: ${rest.join(", ")} not deleted`);
    if (this.json) this.printJson({ ...failures.toJson(), apps: done, deleted, dryRun: false });
    return failures.exitCode;
  }

  async #delete(daemon: Connection, names: readonly string[]): Promise<string[]> {
    if (names.length === 0) return [];
    const { deleted } = await withProgress(this.terminal, daemon, () =>
      daemon.call("delete", { selectors: [...names] }),
    );
    for (const name of deleted) this.#tell(`${name}: deleted`);
    return deleted;
  }

  #showPlan({ apps, deletions }: ApplyPlan): void {
    if (this.json) return this.printJson({ apps, deleted: deletions, dryRun: true });
    for (const app of apps) this.print(appliedText(app));
    for (const name of deletions) this.print(`${name}: deleted`);
    this.note("a dry run: nothing was done");
  }

  #tell(line: string): void {
    if (!this.json) this.print(line);
  }
}
