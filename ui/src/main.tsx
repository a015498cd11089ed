// Airflow loads this script once, and then looks for each page under its name.
import { JobPage } from "./JobPage";
import { JobsPage } from "./JobsPage";
import { steady } from "./steady";

Object.assign(globalThis, { "Dataflow job": steady(JobPage), "Dataflow jobs": steady(JobsPage) });
