"""Signing in with an account elsewhere: the providers, and what is under way with them."""
