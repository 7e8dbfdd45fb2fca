"""Archives: everything of somebody, written by the export and read back by the import."""
