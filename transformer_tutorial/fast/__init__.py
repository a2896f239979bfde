"""Twins of readable files: same answers, less time. Without this folder the project is complete and slower."""
