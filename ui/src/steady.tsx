// Airflow draws a page that it has just loaded in one way, and in another way from its next drawing on: React then mounts the page anew, and
// what was typed or opened is lost. So the page has itself drawn again at once, before anybody can touch it.
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
