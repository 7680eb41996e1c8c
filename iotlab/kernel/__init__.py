"""The Jupyter kernel ``iotlab-micropython``: cells run on a board."""
