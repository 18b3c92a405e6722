"""The packaging origin: takes masters in, packages them, and serves them to edges."""
