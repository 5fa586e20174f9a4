"""From tables of signatures to a variable: models, how well they do on patients they have not seen, and a report."""
