"""What the services are: methods, values, states, errors and conversations. No I/O, no Airflow, no clock, no threads."""
