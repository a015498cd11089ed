"""Airflow hooks: the services' calls over an Airflow connection."""
