"""Courtyard: moments, mini-programs and exact privacy controls inside an encrypted Matrix chat."""

__version__ = "0.1.0"
