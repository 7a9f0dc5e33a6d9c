"""The bus: events over one JetStream stream, delivered at least once, taking effect exactly once.

``streams`` is the table of streams and consumers, ``provision`` makes NATS agree with it, ``moving`` is what an
upgrade moves, ``rights`` is who may do what. ``broker`` makes the FastStream broker. ``delivery`` turns what handlers
raise into ack, nak or dead letter; ``transaction`` adds the inbox for services with a database; ``outbox`` publishes
what was committed. ``watchdog`` and ``janitor`` look after connection and stream, ``rpc`` carries commands.
"""
