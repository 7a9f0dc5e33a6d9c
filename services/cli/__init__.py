"""The `nightbus` command.

In: what people type. Out: tables, JSON and CSV on standard output; one sentence on standard error when something
cannot be done (exit code 1; 2 for wrong usage; 3 for a question without an answer; 130 after Ctrl-C).
Owns: nothing. It reads the contract views as the role ``reader_cli`` and changes things only through commands on the
bus.
Promises: `inspect`, `match` and `config` work offline; nothing heavy is imported before it is needed; whatever is
typed is answered with a sentence, and nothing that is printed can be obeyed by a terminal or a spreadsheet.

One file per noun, each with its commands: ``run`` ``ingest`` ``reread`` ``status`` ``listings`` ``inspect`` ``match``
``dead_letters`` ``config``. ``start`` is what the script runs, ``main`` lists the commands, ``lazy`` imports the one
that is asked for, ``exits`` are the exit codes, ``values`` makes values of what is typed, ``own`` knows what names mean
here, ``connection`` finds the servers, ``filters`` turns options into SQL, ``output`` renders, ``layout`` fits tables
to the terminal, ``usage`` is the word for wrong usage, ``document`` writes docs/commands.md.
"""
