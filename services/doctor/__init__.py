"""What the doctor looks at: one small function for each thing, whose name is what it prints."""
