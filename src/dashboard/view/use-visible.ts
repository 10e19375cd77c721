import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** What is about to be scrolled into view counts as visible. */
const MARGIN = "300px";

const listeners = new WeakMap<Element, (isVisible: boolean) => void>();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) listeners.get(target)?.(isIntersecting);
  },
  { rootMargin: MARGIN },
);

/** Whether an element can be seen: of five hundred rows those that nobody sees need not move. */
export const useVisible = <T extends Element>(): { ref: RefObject<T | null>; isVisible: boolean } => {
  const ref = useRef<T>(null);
  const [isVisible, setVisible] = useState(false);
  useLayoutEffect(() => {
    const element = ref.current!;
    listeners.set(element, setVisible);
    observer.observe(element);
    return () => observer.unobserve(element);
  }, []);
  return { ref, isVisible };
};
