"""Slots by what a board runs: each module's name is a ``BoardInfo.state``, and it exports ``SLOTS``."""
