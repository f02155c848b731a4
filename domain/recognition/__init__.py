"""评审认定. Schools and kindergartens apply for stars: an application and its batch.

Read `procedure`, then `dossier`, `review`, `site`, `proposal`, `batch`.
"""
