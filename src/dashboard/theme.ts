import { effect, signal } from "@preact/signals";

/** `auto` is what the system says. */
export type Theme = "auto" | "light" | "dark";

const KEY = "velos.theme";
const order: readonly Theme[] = ["auto", "light", "dark"];
const isTheme = (text: string | null): text is Theme => order.some((theme) => theme === text);

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
export const theme = signal<Theme>("auto");

/** What is shown in the end: charts have to know. */
export const isDark = (): boolean => (theme.value === "auto" ? systemIsDark.value : theme.value === "dark");

/** Shows the theme that was chosen last, and keeps what is chosen from now on. */
export const beginTheme = (): void => {
  const stored = localStorage.getItem(KEY);
  if (isTheme(stored)) theme.value = stored;
  systemDark.addEventListener("change", () => (systemIsDark.value = systemDark.matches));
  effect(() => {
    document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
    localStorage.setItem(KEY, theme.value);
  });
};

/** The next of auto, light, dark. */
export const nextTheme = (): void => {
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
};
