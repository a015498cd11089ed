"""What runs a job: a timeline, or Beam."""
