"""What answers prompts: adapters behind one door, ``chat.engine.Engine``.

The scripted engine, in the order of its flow: ``script`` (the records and their reader) → ``script_files`` (a file or a
built-in, read once) → ``play`` (what a script does for one prompt, without a clock or a loop) → ``scripted`` (does it:
waits, yields). ``signals`` is how a test lets a waiting script go on.
"""
