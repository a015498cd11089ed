"""What the README claims, runnable: each module prints a table and, as its last line, one JSON object with its figures."""
