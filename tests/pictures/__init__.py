"""Hostile pictures, made here, and what must be left of them: nothing but pixels."""
