import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { dialog } from "../page.ts";
import { connectAgain, fleet, mayOperate, useToken } from "../store.ts";

/** Asks for a token, when the server wants one. */
export const TokenForm = ({ refused }: { refused: boolean }): JSX.Element => {
  const [token, setToken] = useState("");
  return (
    <main class="alone">
      <h2>A token, please</h2>
      <p>
        This velos has <code>api_token</code> set. The token is kept in this tab only.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== "") useToken(token.trim());
        }}
      >
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autoComplete="off"
          spellcheck={false}
          autoFocus
          aria-invalid={refused}
          aria-describedby="token-refused"
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
        <p id="token-refused" class="failure" role="alert">
          {refused ? "That token was not accepted." : ""}
        </p>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
};

/** The server does not serve this client. */
export const Forbidden = ({ why, hint }: { why: string; hint: string | undefined }): JSX.Element => (
  <main class="alone">
    <h2>Not allowed from here</h2>
    <p class="failure">{why}</p>
    {hint !== undefined && <p>{hint}</p>}
    <button type="button" onClick={connectAgain}>
      Try again
    </button>
  </main>
);

/** Before anything is known. */
export const Waiting = (): JSX.Element => (
  <main class="alone" aria-busy="true">
    <p class="hint">Connecting …</p>
  </main>
);

/** There is nothing to show. */
export const NoApps = (): JSX.Element => (
  <main class="alone">
    <h2>No apps yet</h2>
    <p>Start one here, or on the command line:</p>
    <pre>
      <code>velos start server.js --name api -i 4 --listen 3000</code>
    </pre>
    <button type="button" class="primary" disabled={!mayOperate.value} onClick={() => (dialog.value = { kind: "new" })}>
      Start an app
    </button>
    {fleet.value.problems.map((problem) => (
      <p key={problem} class="failure">
        {problem}
      </p>
    ))}
  </main>
);
