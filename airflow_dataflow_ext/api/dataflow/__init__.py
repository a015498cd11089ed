"""Google Cloud Dataflow v1b3 as data and conversations."""
