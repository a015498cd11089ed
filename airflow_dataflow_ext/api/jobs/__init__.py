"""Jobs of any service: identity, launch, wait, stop. Nothing here knows a particular service."""
