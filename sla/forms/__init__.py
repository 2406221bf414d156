"""The input forms of the pages, one module for each page family. They check input and store nothing."""
