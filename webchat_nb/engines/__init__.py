"""What answers prompts: adapters behind one door, ``chat.engine.Engine``.

The scripted engine, in the order of its flow: ``script`` (the records and their reader) → ``script_files`` (a file or a
built-in, read once) → ``play`` (what a script does for one prompt, without a clock or a loop) → ``scripted`` (does it:
waits, yields). ``signals`` is how a test lets a waiting script go on.

The vendors', in the same order: ``vendor`` (the SDK, its key, its options) → ``vendor_engine`` (a run) → ``transcript`` (what was
said so far) → ``openai_chat``, ``openai_responses``, ``anthropic`` (a vendor's words) → ``tool_loop`` (round after round) →
``vendor_errors`` (what is told when it fails). ``pydantic_ai`` lets agents answer, ``functions`` a Python function.

``builtin`` is the table, ``loading`` finds what is not in it.
"""
