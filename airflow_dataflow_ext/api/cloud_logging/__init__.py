"""Cloud Logging v2, as far as it tells why a job failed."""
