"""What is answered: each function takes who asks and returns a model of `schemas.api`."""
