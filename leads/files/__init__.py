"""Read CSV and XLSX files row by row, and write refused rows as a file."""
