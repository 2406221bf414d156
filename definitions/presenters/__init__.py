"""The data of a version's pages: the published page, the signing sheet, step buttons, review evidence."""
