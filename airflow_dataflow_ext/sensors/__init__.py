"""Operators that only wait."""
