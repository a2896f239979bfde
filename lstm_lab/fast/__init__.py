"""Twins of readable files: same answers, less time. Without this folder the lab is complete and slower."""
