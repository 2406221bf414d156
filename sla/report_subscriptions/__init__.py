"""Reports that people have sent to them by e-mail every Monday (rules 12.68, 12.69)."""
