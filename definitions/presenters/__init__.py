"""What the pages of a version show: the published page, the signing sheet, step buttons, review evidence."""
