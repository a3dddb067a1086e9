"""The contract of mini-programs: manifests, events, answers, packages and tools, without a process."""
