"""Programs in the chat: what is installed, who has it open, what it is told, and what becomes of its answers.

An event for a program is a row, written in the transaction of what led to it. The host takes it, runs the program
outside of any transaction, and writes all that it answered in one, with which the row goes: so each effect is performed
once, whatever ends the process in between.
"""
