"""The chat without Matrix: what comes in, what a command is, the pipeline, rendering, languages."""
