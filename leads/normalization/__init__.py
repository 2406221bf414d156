"""Read single values that senders state: names, titles, numbers, dates, addresses, keys. Nothing here knows a row."""
