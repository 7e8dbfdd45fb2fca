"""Programs that use Stint, to read and to start from."""
