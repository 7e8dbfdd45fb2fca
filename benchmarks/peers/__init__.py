"""The same API written with other tools, as yardsticks."""
