import type { JSX } from "preact";
import { dialog } from "../page.ts";
import { fleet, hasVelosd, hello, isLive, link, now, retryNow } from "../store.ts";
import { nextTheme, theme } from "../theme.ts";
import { Status } from "./status.tsx";
import { ThemeIcon } from "./icons.tsx";

/** Who answers, whether it does, and what belongs to the page itself. */
export const Header = (): JSX.Element => (
  <header class="top">
    <h1 class="brand">
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M7.5 9.5 16 23.5l8.5-14" />
      </svg>
      velos
    </h1>
    <span class="scope">
      {location.host}
      {hello.value && ` · ${hello.value.scope}`}
    </span>
    <span class="spring" />
    <Connection />
    <button type="button" class="quiet" onClick={nextTheme} aria-label={`Colours: ${theme.value}; change`} title="t">
      <ThemeIcon />
      <span class="wide-only">{theme.value}</span>
    </button>
    <button
      type="button"
      class="quiet"
      onClick={() => (dialog.value = { kind: "help" })}
      aria-label="Keyboard shortcuts"
      title="?"
    >
      ?
    </button>
  </header>
);

const Connection = (): JSX.Element => {
  const { kind } = link.value;
  if (isLive.value) {
    const reads = hello.value?.access === "read";
    return (
      <span class="connection" role="status" data-state="live">
        <Status tone="good">live</Status>
        {reads && <span class="tag">read only</span>}
      </span>
    );
  }
  const text = kind === "open" ? (fleet.value.known ? "velosd lost" : "connecting") : kind === "lost" ? "lost" : kind;
  return (
    <span class="connection" role="status" data-state={kind === "open" && fleet.value.known ? "velosd-lost" : kind}>
      <Status tone={kind === "lost" || text === "velosd lost" ? "bad" : "busy"}>{text}</Status>
    </span>
  );
};

/** Says what is lost, what that means, and what is done about it. */
export const Banner = (): JSX.Element | null => {
  const state = link.value;
  if (state.kind === "lost") {
    const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
    // The clock is read so that the count goes down.
    void now.value;
    return (
      <div class="banner bad" role="alert">
        <p>
          <strong>Connection to velos api lost.</strong> What is shown is what was known last; apps go on without it.
          {` Next attempt ${seconds === 0 ? "now" : `in ${seconds} s`}.`}
        </p>
        <button type="button" onClick={retryNow}>
          Try now
        </button>
      </div>
    );
  }
  if (state.kind === "open" && fleet.value.known && !hasVelosd.value) {
    return (
      <div class="banner warn" role="alert">
        <p>
          <strong>velosd is away.</strong> Apps go on running; nothing can be done to them until it is back. The page
          goes on by itself then.
        </p>
      </div>
    );
  }
  return null;
};
