"""What executes the firmware of a virtual board: one module each, its name is the ``engine`` of a bench file."""
