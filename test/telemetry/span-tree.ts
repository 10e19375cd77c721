import type { ReceivedSpan } from "./received.ts";

/** Spans as an indented list, below their parents, in the order of their times; instances by name. */
export const spanTree = (spans: readonly ReceivedSpan[]): string[] => {
  const byTime = [...spans].sort((a, b) => a.from - b.from || label(a).localeCompare(label(b)));
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parent: ReceivedSpan | undefined, depth: number): string[] =>
    byTime
      .filter(({ parentId }) => (parent ? parentId === parent.spanId : !ids.has(parentId)))
      .flatMap((span) => [`${"  ".repeat(depth)}${label(span)}`, ...below(span, depth + 1)]);
  return below(undefined, 0);
};

const label = ({ name, attributes }: ReceivedSpan): string => {
  const instance = attributes["velos.instance.name"];
  return typeof instance === "string" ? `${name} ${instance}` : name;
};
