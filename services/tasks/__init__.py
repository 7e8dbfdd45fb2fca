"""What the task service is made of: lists, the graph of tasks, their rules."""
