"""The register of dead letters, and the pages that say whether all is well.

In: ``dead.>`` of the stream NIGHTBUS_LETTERS; ``cmd.api.replay-dead-letters`` and ``cmd.api.drop-dead-letters``.
Out: a replayed letter goes to its original subject again, byte for byte, under a new message id.
Owns: the schema ``api`` (register and inbox) and the folder ``api.dead_letter_dir`` for payloads above 64 KiB.
Promises: each dead letter is entered once and stays readable when the stream has forgotten it; a letter that is not
understood is entered all the same and is never buried again; a command takes effect once; what is dropped keeps its
reason; the dead-letter stream is a work queue, so that it holds what was not entered yet and nothing else.

Read ``app`` (wiring) -> ``handlers`` (messages and commands) -> ``payloads`` (files) -> ``store`` (SQL).
"""
