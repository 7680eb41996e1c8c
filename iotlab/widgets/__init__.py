"""What a notebook or a dashboard shows of a running board. Needs the extra ``widgets``."""
