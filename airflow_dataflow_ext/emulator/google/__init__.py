"""The parts of Google Cloud that Dataflow needs: tokens and Cloud Storage."""
