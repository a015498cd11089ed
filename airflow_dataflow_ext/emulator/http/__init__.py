"""The wire: server, routing, scripted trouble, the log of requests, the clock. Knows no service."""
