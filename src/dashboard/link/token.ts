/** Kept for this tab only, and gone with it. */
const KEY = "velos.token";

/** The token that was typed in; undefined when none was asked for. */
export const storedToken = (): string | undefined => sessionStorage.getItem(KEY) ?? undefined;

/** Keeps a token for as long as the tab is open; undefined forgets it. */
export const storeToken = (token: string | undefined): void => {
  if (token === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
};
