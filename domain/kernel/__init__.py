"""What every procedure is made of. A case is the fold of its events; a procedure is a table of stages.

Read `stages` first, then a family's `procedure`, then `decide`.
"""
