"""What the trash service is made of: how things come back, and how they go for good."""
