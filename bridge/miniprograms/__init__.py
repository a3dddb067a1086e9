"""Mini-programs: programs of others inside the chat, that never learn who is using them.

`handle(event) -> {state, effects}` is all there is to a program: an event as JSON goes in, a new state and a list of
effects as JSON come out. What a program asks for is checked, and done, by its host.
"""
