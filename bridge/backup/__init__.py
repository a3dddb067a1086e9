"""Backups: one encrypted file of all that is kept but the encryption state; how long each can be opened; restoring.

A backup is encrypted to the operator (age, X25519). What opens people's texts, and what the bot knows of rooms and
devices, is sealed in it once more under an epoch key that exists for a week at most: when it is destroyed, no copy of a
backup opens anything of somebody who was erased meanwhile.
"""
