"""Programs that use Stint, to be read and copied."""
