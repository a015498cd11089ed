"""What a task is to Airflow: its errors, its identity, its records, its end by a user, its start in the triggerer."""
