import type { JSX } from "preact";
import { choose, dialog } from "../page.ts";
import { fleet, health, isLive, mayOperate } from "../store.ts";

/** Troubles that are named; of a machine that fails as a whole the first ones say enough. */
const NAMED = 4;

const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? "" : "s"}`;

/** Is everything well? */
export const Summary = (): JSX.Element => {
  const { apps, instances, online, stopped, troubles } = health.value;
  const bad = troubles.filter(({ kind }) => kind === "bad").length;
  const settling = instances - online - stopped - bad;
  const found =
    bad > 0
      ? `${count(bad, "thing")} ${bad === 1 ? "needs" : "need"} attention`
      : settling > 0
        ? `${count(settling, "instance")} on the way`
        : "Everything is well";
  // What cannot be known must not look well.
  const isKnown = isLive.value;
  const headline = isKnown ? found : `Last known: ${found[0]!.toLowerCase()}${found.slice(1)}`;
  const tone = !isKnown ? "off" : bad > 0 ? "bad" : settling > 0 ? "busy" : "good";
  return (
    <section class={`summary ${tone}`} aria-label="Summary">
      <h2>{headline}</h2>
      <span class="unseen" role="status">
        {headline}
      </span>
      <dl class="figures">
        <Figure title={apps === 1 ? "app" : "apps"}>{String(apps)}</Figure>
        <Figure title="online">{`${online} / ${instances}`}</Figure>
        {stopped > 0 && <Figure title="stopped">{String(stopped)}</Figure>}
      </dl>
      <button type="button" disabled={!mayOperate.value} title="n" onClick={() => (dialog.value = { kind: "new" })}>
        Start an app
      </button>
      {troubles.length > 0 && (
        <ul class="troubles">
          {troubles.slice(0, NAMED).map(({ name, app, kind, why }) => (
            <li key={name} class={kind}>
              <button type="button" class="link" onClick={() => choose(app)}>
                {name}
              </button>{" "}
              {why}
            </li>
          ))}
          {troubles.length > NAMED && <li>and {troubles.length - NAMED} more</li>}
        </ul>
      )}
      {fleet.value.problems.map((problem) => (
        <p key={problem} class="problem">
          {problem}
        </p>
      ))}
    </section>
  );
};

const Figure = ({ title, children }: { title: string; children: string }): JSX.Element => (
  <div>
    <dd>{children}</dd>
    <dt>{title}</dt>
  </div>
);
