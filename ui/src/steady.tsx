// Airflow renders a page that it has just loaded differently from the second rendering on. React then mounts the page again, and typed text
// and opened boxes are lost. So the page has itself rendered a second time at once, before the user can do anything.
import { type ComponentType, useEffect } from "react";
import { useSearchParams } from "react-router-dom";

export function steady<T extends object>(Page: ComponentType<T>) {
  let drawnAgain = false;
  return function Steady(props: T) {
    const [, setQuery] = useSearchParams();
    useEffect(() => {
      if (drawnAgain) return;
      drawnAgain = true;
      setQuery((last) => last, { replace: true });
    }, []);
    return <Page {...props} />;
  };
}
