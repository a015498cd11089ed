"""Task decorators, which Airflow offers as ``@task.NAME``."""
