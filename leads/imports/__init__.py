"""Import files: guess and keep column mappings, preview, run in the background, keep refused rows."""
