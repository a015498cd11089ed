"""HTTP in general: server, routing, scripted faults, request log, clock. Nothing here knows a particular service."""
