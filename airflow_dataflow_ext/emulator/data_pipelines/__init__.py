"""The emulated Data Pipelines."""
