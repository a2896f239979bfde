"""Programs that are copied into an export as its translate.py: how to load it, in few lines."""
