"""What stands beside Dataflow at Google: tokens and Cloud Storage."""
