"""The emulated org: its runs, its logins and how it answers."""
