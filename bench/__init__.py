"""What the system costs: requests, processor time, and how both grow. ``make bench``."""
