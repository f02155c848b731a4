"""What the county decides, as pure functions: no I/O, no clock, no chance, no `async`."""
