"""The input forms of the pages, one module a page family. They check input and store nothing."""
