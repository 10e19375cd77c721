import type { JSX } from "preact";

const icon =
  (...paths: string[]) =>
  (): JSX.Element => (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {paths.map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );

export const ChevronIcon = icon("M6 3.5 10.5 8 6 12.5");
export const BackIcon = icon("M10 3.5 5.5 8l4.5 4.5");
export const CloseIcon = icon("m4 4 8 8m0-8-8 8");
export const RestartIcon = icon("M13 8a5 5 0 1 1-1.5-3.6L13 6", "M13 2.5V6H9.5");
export const StopIcon = icon("M4.5 4.5h7v7h-7z");
export const StartIcon = icon("M5 3.5v9L12.5 8z");
export const ThemeIcon = icon("M8 2a6 6 0 1 0 0 12z", "M8 2a6 6 0 0 1 0 12");
export const DownIcon = icon("M8 3v10M3.5 8.5 8 13l4.5-4.5");
