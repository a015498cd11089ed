// Airflow loads this script once, and then finds each page by its name.
import { JobPage } from "./JobPage";
import { JobsPage } from "./JobsPage";
import { steady } from "./steady";

Object.assign(globalThis, { "Dataflow job": steady(JobPage), "Dataflow jobs": steady(JobsPage) });
