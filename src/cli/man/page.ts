/** What every page says of itself. */
export interface ManPage {
  version: string;
  /** Of the build, as 2026-01-31. */
  date: string;
}
