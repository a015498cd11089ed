"""Jobs, whichever service runs them: identity, launch, wait, stop. Knows no service."""
