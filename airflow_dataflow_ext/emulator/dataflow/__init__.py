"""The emulated Dataflow."""
