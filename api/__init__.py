"""The web: JSON routes for programs, pages for people; both send the same commands through the same door."""
