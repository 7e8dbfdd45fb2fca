"""What live rooms are made of: sockets, the log as it grows, and who is there."""
