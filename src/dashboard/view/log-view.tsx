import type { JSX, TargetedEvent } from "preact";
import { memo } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { logLevels } from "../../domain/log-level.ts";
import type { LogLevel } from "../../domain/log-level.ts";
import { logIndex, logLevel, logSearch } from "../page.ts";
import { logs } from "../store.ts";
import type { FleetApp } from "../../fleet/fleet.ts";
import type { ShownLine } from "../../fleet/log-buffer.ts";
import { linesWith, partsOf } from "../../fleet/log-buffer.ts";
import { DownIcon } from "./icons.tsx";

/** While the newest lines are followed, these are there to be scrolled back to; who does so is given all. */
const TAIL = 200;
/** So near to the end counts as being there. */
const NEAR_PX = 24;

/** What an app writes, as it writes it. */
export const LogView = ({ app }: { app: FleetApp }): JSX.Element => {
  const { lines, skipped, taken } = logs.buffer.value;
  const search = logSearch.value.trim();
  const shown = linesWith(lines, search);
  return (
    <section class="log" aria-label="Log">
      <div class="log-head">
        <h3>Log</h3>
        <select
          aria-label="Instance"
          value={logIndex.value ?? ""}
          onChange={({ currentTarget: { value } }) => (logIndex.value = value === "" ? undefined : Number(value))}
        >
          <option value="">all instances</option>
          {app.processes.map(({ index, name }) => (
            <option key={index} value={index}>
              {name}
            </option>
          ))}
        </select>
        <select
          aria-label="Level"
          value={logLevel.value ?? ""}
          onChange={({ currentTarget: { value } }) => (logLevel.value = (value || undefined) as LogLevel | undefined)}
        >
          <option value="">all levels</option>
          {logLevels.slice(0, -1).map((level) => (
            <option key={level} value={level}>
              {level === "fatal" ? level : `${level} and worse`}
            </option>
          ))}
        </select>
        <input
          type="search"
          placeholder="Search"
          aria-label="Search in the log"
          value={logSearch.value}
          onInput={({ currentTarget }) => (logSearch.value = currentTarget.value)}
        />
        {search !== "" && <span class="hint">{shown.length} found</span>}
      </div>
      {logs.failure.value !== undefined && <p class="failure">{logs.failure.value}</p>}
      {skipped > 0 && (
        <p class="hint">{skipped} lines were left out: they came faster than this page could take them</p>
      )}
      <Lines
        key={`${app.name} ${logIndex.value} ${logLevel.value}`}
        kept={lines}
        shown={shown}
        taken={taken}
        search={search}
        all={logIndex.value === undefined}
      />
    </section>
  );
};

interface LinesProps {
  kept: readonly ShownLine[];
  /** Those of them in which the searched text occurs. */
  shown: readonly ShownLine[];
  taken: number;
  search: string;
  /** Lines of several instances: each says whose it is. */
  all: boolean;
}

const Lines = ({ kept, shown, taken, search, all }: LinesProps): JSX.Element => {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  /** What there was when the reader left the end: it stays as it is while it is read. Undefined while following. */
  const [left, setLeft] = useState<{ lines: readonly ShownLine[]; taken: number }>();
  const lines = left ? linesWith(left.lines, search) : shown.slice(-TAIL);

  // Heights are exact (no content-visibility), so that only a reader can bring about a scroll event away from the end.
  useLayoutEffect(() => {
    const element = box.current!;
    if (isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [shown, search, left]);

  const onScroll = (event: TargetedEvent<HTMLDivElement>): void => {
    const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (atEnd === isAtEnd.current) return;
    isAtEnd.current = atEnd;
    setLeft(atEnd ? undefined : { lines: kept, taken });
  };
  const jump = (): void => {
    isAtEnd.current = true;
    setLeft(undefined);
  };

  const missed = left ? taken - left.taken : 0;
  return (
    <div class="log-frame">
      {/* Focusable, so that it can be scrolled by keys. */}
      <div class="lines" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label="Lines">
        {lines.map((line) => (
          <Line key={line.id} line={line} search={search} all={all} />
        ))}
        {lines.length === 0 && <p class="nothing">{search === "" ? "Nothing written yet." : "Nothing found."}</p>}
      </div>
      {left && (
        <button type="button" class="jump" onClick={jump}>
          <DownIcon /> {missed > 0 ? `${missed} new` : "newest"}
        </button>
      )}
    </div>
  );
};

const time = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const Line = memo(({ line, search, all }: { line: ShownLine; search: string; all: boolean }): JSX.Element => {
  const { at, index, level, message } = line;
  const date = new Date(at / 1000);
  return (
    <div class={`line ${level}`}>
      <time dateTime={date.toISOString()} title={full.format(date)}>
        {time.format(date)}
      </time>
      {all && <span class={`whose hue-${Math.max(0, index) % 8}`}>{index < 0 ? "?" : index}</span>}
      <span class="message">
        {level !== "info" && <b class="level">{level} </b>}
        {partsOf(message, search).map(({ text, found }, place) => (found ? <mark key={place}>{text}</mark> : text))}
      </span>
    </div>
  );
});
