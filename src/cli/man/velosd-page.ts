import type { ManPage } from "./page.ts";
import { bold, entry, heading, italic, paragraphs, title } from "./roff.ts";

/** velosd(8): for who meets it in a list of processes. */
export const velosdPage = ({ version, date }: ManPage): string[] => [
  ...title("velosd", 8, date, `velos ${version}`, "System Administration"),
  ...heading("NAME"),
  "velosd \\- controller of velos",
  ...heading("SYNOPSIS"),
  `${bold("velosd")} [${bold("--foreground")}] [${bold("--system")} | ${bold("--user")}] [${bold("--backend")} ${italic("NAME")}]`,
  ...heading("DESCRIPTION"),
  ...paragraphs(`
    velosd holds what apps there are to be and closes the difference to what runs. There is one in each scope. Nobody
    needs to start it by hand: \`velosd.socket\` starts it where it is installed, and velos(1) where it is not.

    When nothing needs it, it leaves, after \`idle_exit\` of velos.toml(5); its socket, and instances that end, wake it.

    It owns nothing that cannot be read back. When it is killed or replaced by another version the instances go on, and
    the next one finds them again. \`velos kill\` ends it.
  `),
  ...heading("OPTIONS"),
  ...entry(bold("--foreground"), "Stay in this terminal and log to it."),
  ...entry(bold("--system"), "Manage the units of root's service manager (the default for root)."),
  ...entry(bold("--user"), "Manage the caller's own (the default for everyone else)."),
  ...entry(
    `${bold("--backend")} ${italic("NAME")}`,
    "What runs instances: `systemd`, `launchd` or `spawn`; by default systemd where it runs, launchd on macOS.",
  ),
  ...entry(bold("--version"), "Print the version."),
  ...entry(`${bold("-h")}, ${bold("--help")}`, "Print a summary."),
  ...heading("EXIT STATUS"),
  ...entry(bold("0"), "It was told to end."),
  ...entry(bold("78"), "It cannot serve until something is changed, and has said what."),
  ...heading("SIGNALS"),
  ...entry(
    bold("SIGHUP"),
    "Read the settings in velos.toml(5) again, as `systemctl reload velosd` asks for. What applies at the next start only is told.",
  ),
  ...entry(`${bold("SIGTERM")}, ${bold("SIGINT")}`, "End. No application is touched."),
  ...heading("FILES"),
  ...entry(`${italic("/run/velos/velosd.sock")}, ${italic("$XDG_RUNTIME_DIR/velos/velosd.sock")}`, "Its socket."),
  ...entry(`${italic("/var/lib/velos")}, ${italic("~/.local/state/velos")}`, "Its state."),
  ...entry(
    `${italic("/run/velos-preload")}, ${italic("$XDG_RUNTIME_DIR/velos-preload")}`,
    "What Node apps load first; it is needed until the next boot, also when velos is removed.",
  ),
  ...entry(
    `${italic("/etc/velos/velos.toml")}, ${italic("~/.config/velos/velos.toml")}`,
    "Its settings, see velos.toml(5).",
  ),
  ...heading("SEE ALSO"),
  `${bold("velos")}(1), ${bold("velos.toml")}(5), ${bold("systemd.unit")}(5)`,
];
