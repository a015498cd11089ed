"""Operators: fields, and an execute of a few lines."""
