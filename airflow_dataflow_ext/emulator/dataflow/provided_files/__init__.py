"""Files of the templates that Google provides: container specs, and metadata of classic ones."""
