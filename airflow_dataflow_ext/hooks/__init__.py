"""From an Airflow connection to the verbs that a user would say."""
