"""Task decorators, which a DAG uses as ``@task.NAME``."""
