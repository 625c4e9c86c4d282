"""From recordings on disk to lists, trials and a database.yml."""
