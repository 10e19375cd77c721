import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Result } from "../../api/operations.ts";
import { formatListen } from "../../domain/listen.ts";
import { formatSpan } from "../../domain/units.ts";
import type { Verb } from "../actions.ts";
import { underWay } from "../actions.ts";
import { ask } from "../link/rest.ts";
import { choose, chosen, chosenName, dialog } from "../page.ts";
import { fleet, isLive, mayOperate, now } from "../store.ts";
import type { FleetApp } from "../../fleet/fleet.ts";
import { Charts } from "./chart.tsx";
import { BackIcon } from "./icons.tsx";
import { LogView } from "./log-view.tsx";
import { RolloutView } from "./rollout.tsx";
import { AppStatus } from "./status.tsx";

/** The chosen app: what it is, what can be done to it, its figures and its log. */
export const Detail = (): JSX.Element | null => {
  const name = chosenName.value;
  const app = chosen.value;
  if (name === undefined) return null;
  return (
    <section class="detail" aria-label={`Details of ${name}`}>
      <header>
        <button type="button" class="quiet back" onClick={() => choose(undefined)} aria-label="Back to all apps">
          <BackIcon />
        </button>
        <h2 title={name}>{name}</h2>
        {app && <AppStatus app={app} />}
      </header>
      {app ? (
        <>
          <Actions app={app} />
          <Facts app={app} />
          {app.rollout && <RolloutView app={app} progress={app.rollout} />}
          <Charts app={app} />
          <LogView app={app} />
        </>
      ) : (
        fleet.value.known && <p class="nothing">There is no app {name} any more.</p>
      )}
    </section>
  );
};

const Actions = ({ app }: { app: FleetApp }): JSX.Element => {
  const stopped = !app.running;
  const verbs: readonly { verb: Verb; off?: boolean }[] = [
    stopped ? { verb: "start" } : { verb: "stop" },
    { verb: "restart", off: stopped },
    { verb: "reload", off: stopped },
    { verb: "scale" },
    { verb: "delete" },
  ];
  return (
    <div class="actions" role="group" aria-label={`Actions on ${app.name}`}>
      {verbs.map(({ verb, off = false }) => {
        const waits = underWay.value.has(`${verb} ${app.name}`);
        return (
          <button
            key={verb}
            type="button"
            class={verb === "delete" ? "danger" : ""}
            disabled={!mayOperate.value || off || waits}
            aria-busy={waits}
            onClick={() =>
              (dialog.value =
                verb === "scale" ? { kind: "scale", app: app.name } : { kind: "confirm", verb, name: app.name })
            }
          >
            {verb}
          </button>
        );
      })}
      {isLive.value && !mayOperate.value && <span class="hint">this token may only read</span>}
    </div>
  );
};

/** What the list does not have: asked for when the app, or its spec, is another. */
const useDescription = ({ name, spec }: FleetApp): Result<"describe">["spec"] | undefined => {
  const [described, setDescribed] = useState<{ name: string; spec: Result<"describe">["spec"] }>();
  const live = isLive.value;
  useEffect(() => {
    let isOver = false;
    if (!live) return;
    ask("GET", `api/processes/${encodeURIComponent(name)}/spec`).then(
      (answer) => {
        const found = (answer as Partial<Result<"describe">>).spec;
        if (!isOver && found && typeof found === "object") setDescribed({ name, spec: found });
      },
      // The rest of the page says what is wrong with the connection; without these facts it is as good.
      () => {},
    );
    return () => {
      isOver = true;
    };
  }, [name, spec, live]);
  return described?.name === name ? described.spec : undefined;
};

const Facts = ({ app }: { app: FleetApp }): JSX.Element => {
  const spec = useDescription(app);
  const listens = spec?.listen.map(formatListen) ?? [];
  return (
    <dl class="facts">
      <Fact title="runs">
        <code title={app.command}>{app.command}</code>
      </Fact>
      {listens.length > 0 && (
        <Fact title="listens on">
          <code>{listens.join(", ")}</code>
        </Fact>
      )}
      <Fact title="in">
        <code title={app.cwd}>{app.cwd}</code>
      </Fact>
      {app.user !== undefined && <Fact title="as">{app.user}</Fact>}
      <Fact title="changed">{`${formatSpan(Math.max(1000, now.value - app.updatedAt))} ago`}</Fact>
    </dl>
  );
};

const Fact = ({ title, children }: { title: string; children: JSX.Element | string }): JSX.Element => (
  <div>
    <dt>{title}</dt>
    <dd>{children}</dd>
  </div>
);
