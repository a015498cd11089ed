"""REST, whichever service answers: methods, steps, questions with their retries, errors. Knows no service."""
