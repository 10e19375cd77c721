import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Verb } from "../actions.ts";
import { act } from "../actions.ts";
import { choose, dialog } from "../page.ts";
import { fleet, mayOperate } from "../store.ts";
import type { FleetApp } from "../../fleet/fleet.ts";
import { Modal } from "./modal.tsx";
import { NewApp } from "./new-app.tsx";
import { shortcuts } from "./shortcuts.ts";

/** The dialog that is open, if any. */
export const Dialogs = (): JSX.Element | null => {
  const open = dialog.value;
  switch (open?.kind) {
    case undefined:
      return null;
    case "help":
      return <Help />;
    case "new":
      return <NewApp />;
    case "confirm":
      return <Confirm key={`${open.verb} ${open.name}`} verb={open.verb} name={open.name} />;
    case "scale": {
      const app = fleet.value.apps.get(open.app);
      return app ? <Scale key={open.app} app={app} /> : null;
    }
  }
};

const Help = (): JSX.Element => (
  <Modal title="Keyboard">
    <dl class="keys">
      {shortcuts.map(({ key, about }) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{about}</dd>
        </div>
      ))}
    </dl>
    <form method="dialog" class="buttons">
      <button type="submit">Close</button>
    </form>
  </Modal>
);

/** What will happen, said before it does. */
const consequence = (verb: Verb, name: string): string => {
  const app = fleet.value.apps.get(name);
  const many = app ? (app.processes.length === 1 ? "its instance" : `its ${app.processes.length} instances`) : "it";
  switch (verb) {
    case "start":
      return `Starts ${app ? (app.instances === 1 ? "one instance" : `${app.instances} instances`) : "it"}.`;
    case "stop":
      return `Ends ${many}. Nothing serves in its place until it is started again.`;
    case "restart":
      return app
        ? `Restarts ${many} all at once. For no interruption, reload.`
        : "Ends it and starts it again. The other instances go on.";
    case "reload":
      return `Replaces ${many} a few at a time, each when the one before it is ready.`;
    case "delete":
      return `Ends ${many} and forgets the app. Its log stays.`;
    case "scale":
      return "";
  }
};

const Confirm = ({ verb, name }: { verb: Verb; name: string }): JSX.Element => (
  <Modal title={`${verb[0]!.toUpperCase()}${verb.slice(1)} ${name}?`}>
    <p>{consequence(verb, name)}</p>
    <form
      method="dialog"
      class="buttons"
      onSubmit={(event) => {
        if ((event as SubmitEvent).submitter?.getAttribute("value") !== "yes") return;
        if (verb === "delete") choose(undefined);
        void act(verb, name);
      }}
    >
      <button type="submit" value="no" autoFocus={verb === "delete"}>
        Cancel
      </button>
      <button
        type="submit"
        value="yes"
        class={verb === "delete" || verb === "stop" ? "danger primary" : "primary"}
        disabled={!mayOperate.value}
        autoFocus={verb !== "delete"}
      >
        {verb}
      </button>
    </form>
  </Modal>
);

/** More than velosd takes, too; it says so. */
const MOST = 1000;

const Scale = ({ app }: { app: FleetApp }): JSX.Element => {
  const [wanted, setWanted] = useState(app.instances);
  const isNumber = Number.isInteger(wanted) && wanted >= 1 && wanted <= MOST;
  const difference = wanted - app.instances;
  const step = (by: number) => (): void => setWanted(Math.max(1, (isNumber ? wanted : app.instances) + by));
  return (
    <Modal title={`Scale ${app.name}`}>
      <form
        method="dialog"
        onSubmit={(event) => {
          if ((event as SubmitEvent).submitter?.getAttribute("value") === "no") return;
          if (isNumber && difference !== 0) void act("scale", app.name, wanted);
        }}
      >
        <div class="stepper">
          <button type="button" aria-label="One less" onClick={step(-1)}>
            −
          </button>
          <input
            type="number"
            min={1}
            max={MOST}
            step={1}
            required
            autoFocus
            aria-label="Instances"
            value={Number.isNaN(wanted) ? "" : wanted}
            onFocus={({ currentTarget }) => currentTarget.select()}
            onInput={({ currentTarget }) => setWanted(currentTarget.valueAsNumber)}
          />
          <button type="button" aria-label="One more" onClick={step(1)}>
            +
          </button>
        </div>
        <p aria-live="polite">
          {!isNumber
            ? `A number from 1 to ${MOST}.`
            : difference === 0
              ? `${app.instances} now.`
              : `${app.instances} → ${wanted}: ${
                  difference > 0 ? `adds ${difference}` : `ends ${-difference}, the highest first`
                }.`}
        </p>
        <div class="buttons">
          {/* First in the form would be what Enter presses. */}
          <button
            type="submit"
            value="yes"
            class="primary"
            disabled={!mayOperate.value || !isNumber || difference === 0}
          >
            scale
          </button>
          <button type="submit" value="no" formNoValidate>
            Cancel
          </button>
        </div>
      </form>
    </Modal>
  );
};
