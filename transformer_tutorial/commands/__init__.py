"""The work of each command, one file each: `run(options)`. Parsed in ../cli.py."""
