"""The daily search for blind rules: criteria and signals of active versions that no longer see what they ask for."""
