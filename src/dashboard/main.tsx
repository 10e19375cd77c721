import { render } from "preact";
import { beginPage } from "./page.ts";
import { begin } from "./store.ts";
import { beginTheme } from "./theme.ts";
import { Page } from "./view/page.tsx";
import { beginShortcuts } from "./view/shortcuts.ts";

beginTheme();
beginPage();
beginShortcuts();
render(<Page />, document.getElementById("page")!);
begin();
