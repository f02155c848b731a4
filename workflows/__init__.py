"""One file a procedure, reading like its timetable; `case_workflow` is what they share."""
