"""Starting and keeping: settings, the embedded stack, the doctor, the command line."""
