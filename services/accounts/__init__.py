"""What deleting an account is made of."""
