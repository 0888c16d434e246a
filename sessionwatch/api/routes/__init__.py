"""The routes, one room a file: they read a request and call `answers` or hand a command to the pipeline."""
