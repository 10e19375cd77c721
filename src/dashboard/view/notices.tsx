import type { JSX } from "preact";
import { dismiss, notices } from "../actions.ts";
import { CloseIcon } from "./icons.tsx";

/** What became of commands; read aloud as it comes. */
export const Notices = (): JSX.Element => (
  <div class="notices" aria-live="polite">
    {notices.value.map(({ id, kind, text, hint }) => (
      <div key={id} class={`notice ${kind}`}>
        <p>
          {text}
          {hint !== undefined && <small>{hint}</small>}
        </p>
        <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
          <CloseIcon />
        </button>
      </div>
    ))}
  </div>
);
