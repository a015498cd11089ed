"""The emulated Dataflow: what it knows and how it answers."""
