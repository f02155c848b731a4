"""What a workflow does outside: act through the door, draw, render, tell. Each is safe to repeat."""
