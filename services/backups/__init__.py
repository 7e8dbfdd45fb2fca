"""Backups: the file that holds one, and the statements around a dump and a load."""
