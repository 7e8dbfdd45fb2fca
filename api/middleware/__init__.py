"""What surrounds every request; each file has an init_app."""
