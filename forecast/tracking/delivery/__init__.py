"""From the journal to MLflow: a worker process sends entries exactly once, and has a deadline."""
