// Modules that Airflow's page provides without types.
declare module "@chakra-ui/react" {
  import type { ComponentType } from "react";
  type Any = ComponentType<any>;
  export const Badge: Any, Box: Any, Button: Any, Flex: Any, Heading: Any, Input: Any, Spinner: Any, Text: Any;
}

declare module "react-router-dom" {
  import type { ComponentType } from "react";
  export const Link: ComponentType<any>;
  export function useSearchParams(): [URLSearchParams, (change: (last: URLSearchParams) => URLSearchParams, how?: { replace: boolean }) => void];
}
