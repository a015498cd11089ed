"""Google's Data Pipelines service: recurring Dataflow jobs under one name."""
