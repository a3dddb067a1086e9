"""The transactional outbox: what is to be sent, to whom, and where each copy went."""
