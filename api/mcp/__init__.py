"""The Model Context Protocol: views as tools and resources of language models."""
