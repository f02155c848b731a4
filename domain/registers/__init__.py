"""登记. People, organisations and calendars: cases of one row that stays open, in which an office records facts."""
