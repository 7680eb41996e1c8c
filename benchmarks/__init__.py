"""iotlab beside the tools that people use today, on the same virtual board: ``make bench``."""
