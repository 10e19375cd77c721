/** Escape sequences (colours, titles, links, what is left of cut ones) and control characters but tab and newline. */
const CONTROLS =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[0-~])|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A line that an app wrote, without what a terminal would take for a command: colours, titles, control characters. */
export const plainText = (message: string): string => message.replace(CONTROLS, "");
