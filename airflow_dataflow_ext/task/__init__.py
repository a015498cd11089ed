"""What a task is to Airflow: its errors, identity, records, kill, and start in the triggerer."""
