// Airflow loads this script once, and then looks for each page under its name.
import { JobPage } from "./JobPage";
import { JobsPage } from "./JobsPage";

Object.assign(globalThis, { "Dataflow job": JobPage, "Dataflow jobs": JobsPage });
