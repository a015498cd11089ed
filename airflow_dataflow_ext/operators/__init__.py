"""Order forms: fields, and an execute of a few lines."""
