"""Google Cloud Logging v2: the part that tells why a job failed."""
