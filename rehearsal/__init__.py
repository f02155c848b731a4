"""Plays a county's people through the public HTTP API: a client, which imports nothing of ours."""
