"""The PostgreSQL that comes along where no other is named."""
