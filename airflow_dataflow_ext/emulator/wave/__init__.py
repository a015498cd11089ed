"""The emulated CRM Analytics org."""
