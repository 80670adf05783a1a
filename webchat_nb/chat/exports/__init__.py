"""A conversation to take along, in six formats.

::

    document.py     what all formats are made of, read once at one position
    export_file.py  the JSON file's shape; chat/imports.py reads it again
    turns.py        the same as a person reads it, turn by turn
    to_json.py  to_yaml.py  to_markdown.py  to_html.py  to_ipynb.py   pure: a document in, bytes out
    to_fixture.py   the log and the timeline that it must give
    safe_html.py    Markdown as HTML that does nothing
    downloads.py    which format has which media type and file name

Rule: EX1-EX5.
"""
