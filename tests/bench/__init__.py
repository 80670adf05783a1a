"""The benchmarks: ``python -m tests.bench`` prints a table and writes ``bench.json``.

Everything is measured on the real thing: the whole application on an SQLite file, commits before sends, real websockets
on the loopback interface served by our own transport, and clients in another process. What it is compared with is built
in and runs in turns with it, because machines are noisy: medians of repetitions, and ratios rather than numbers.

| Room | Measures |
|---|---|
| ``answers`` | an answer's bytes on disk and on the wire, its commits and its CPU time (G3, G4, G5) |
| ``pace`` | how long a token takes to a screen, beside a bare websocket (G2) |
| ``throughput`` | events per second to 1, 10 and 100 clients, beside a bare websocket (G1) |
| ``encoding`` | frames are encoded once, whatever the number of clients |
| ``engines`` | tokens per second, first token and cancelling through each engine, beside its bare SDK |
| ``reconnect`` | what a reconnection and a snapshot cost with a long history (G6) |
| ``notebook`` | bytes and losses on the way to a notebook, beside a trait that is synced (G9) |
| ``memory`` | an idle connection and an idle conversation (G10) |
| ``service`` | prompts accepted, memory of a run, lists and searches, without sockets (S1, S3, S4) |
| ``delays`` | what is added to a token while hundreds of runs speak (S2) |
| ``bundle`` | the browser's half (G11) |

``measurement`` is what a room gives back, ``stage`` the server under test, ``clients`` the other process, ``limits``
what the machine can do at all. A room runs in a process of its own. Nothing here fails because something is slow; the targets are shown beside the values.
"""
