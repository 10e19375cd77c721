import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { create } from "../actions.ts";
import { Problem } from "../link/rest.ts";
import { choose, dialog } from "../page.ts";
import { mayOperate } from "../store.ts";
import { Modal } from "./modal.tsx";

/** Asks for what an app needs to start; everything else is in velos.toml. What is wrong is said in place. */
export const NewApp = (): JSX.Element => {
  const [failure, setFailure] = useState<Problem>();
  const [isWaiting, setWaiting] = useState(false);

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const fields = new FormData(form);
    const text = (name: string): string => (fields.get(name) as string).trim();
    const [name, cwd, listen] = [text("name"), text("cwd"), text("listen")];
    setFailure(undefined);
    setWaiting(true);
    try {
      await create({
        name,
        script: text("script"),
        instances: Number(text("instances")),
        ...(cwd !== "" && { cwd }),
        ...(listen !== "" && { listen: listen.split(/[\s,]+/) }),
      });
      dialog.value = undefined;
      choose(name);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setFailure(error);
    } finally {
      setWaiting(false);
    }
  };

  return (
    <Modal title="Start an app">
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <Field
          name="name"
          label="Name"
          required
          autoFocus
          pattern="[A-Za-z0-9]([A-Za-z0-9_.\-]{0,62}[A-Za-z0-9_.])?"
          hint="api"
        />
        <Field name="script" label="Script or command" required hint="/srv/api/server.js" />
        <Field name="cwd" label="Directory" hint="where velos api runs" />
        <Field name="instances" label="Instances" isCount />
        <Field name="listen" label="Listens on" hint="127.0.0.1:3000" />
        {failure && (
          <p class="failure" role="alert">
            {failure.message}
            {failure.hint !== undefined && <small>{failure.hint}</small>}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => (dialog.value = undefined)}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={!mayOperate.value || isWaiting} aria-busy={isWaiting}>
            start
          </button>
        </div>
      </form>
    </Modal>
  );
};

interface FieldProps {
  name: string;
  label: string;
  hint?: string;
  /** A number from 1. */
  isCount?: boolean;
  required?: boolean;
  autoFocus?: boolean;
  pattern?: string;
}

const Field = ({ name, label, hint, isCount = false, ...rest }: FieldProps): JSX.Element => (
  <label>
    <span>{label}</span>
    {isCount ? (
      <input name={name} type="number" min={1} max={1000} defaultValue="1" required />
    ) : (
      <input name={name} placeholder={hint ?? ""} autoComplete="off" spellcheck={false} {...rest} />
    )}
  </label>
);
