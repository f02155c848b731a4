"""The county and its policies, as files: what `juanzong load` reads."""
