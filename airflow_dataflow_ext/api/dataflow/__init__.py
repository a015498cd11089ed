"""Google Cloud Dataflow v1b3: methods, states and conversations."""
