"""Archives of what somebody has here: made by `export` (P10), taken by `import` (P11)."""
