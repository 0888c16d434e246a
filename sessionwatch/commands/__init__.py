"""The commands, one a module. Nothing heavy is imported before a command runs: `--help` answers at once."""
