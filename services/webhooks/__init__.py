"""What webhooks are made of: addresses that may be called, calling them, signatures."""
