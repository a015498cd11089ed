"""REST in general: methods, steps, requests with retries, errors. Nothing here knows a particular service."""
