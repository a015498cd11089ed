"""Where a task points a person to."""
