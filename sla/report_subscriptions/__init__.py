"""Reports that people have sent to them by e-mail every Monday (rules 12.62, 12.63)."""
