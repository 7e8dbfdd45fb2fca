"""Entities: the table, the answers and the questions of each stand in one file."""
