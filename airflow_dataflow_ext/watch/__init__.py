"""Many waiters, few questions."""
