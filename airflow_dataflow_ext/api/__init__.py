"""Descriptions of the services: methods, values, states, errors and conversations. No I/O, no Airflow, no clock, no threads."""
