import type { JSX } from "preact";
import { chosenName } from "../page.ts";
import { fleet, link } from "../store.ts";
import { AppList } from "./app-list.tsx";
import { Detail } from "./detail.tsx";
import { Dialogs } from "./dialogs.tsx";
import { Forbidden, NoApps, TokenForm, Waiting } from "./empty-states.tsx";
import { Banner, Header } from "./header.tsx";
import { Notices } from "./notices.tsx";
import { Summary } from "./summary.tsx";

/** The whole page. */
export const Page = (): JSX.Element => (
  <>
    <Header />
    <Banner />
    <Body />
    <Dialogs />
    <Notices />
  </>
);

const Body = (): JSX.Element => {
  const { kind } = link.value;
  if (kind === "token") return <TokenForm refused={link.value.refused} />;
  if (kind === "forbidden") return <Forbidden why={link.value.why} hint={link.value.hint} />;
  if (!fleet.value.known) return <Waiting />;
  if (fleet.value.apps.size === 0) return <NoApps />;
  const isSplit = chosenName.value !== undefined;
  return (
    <main class={isSplit ? "split" : ""}>
      <div class="overview">
        <Summary />
        <AppList />
      </div>
      <Detail />
    </main>
  );
};
