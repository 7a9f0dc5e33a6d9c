"""The bus: events over one JetStream stream, delivered at least once, taking effect exactly once.

``names`` and ``streams`` say which streams there are and what a consumer is set to; which consumers, the services'
descriptions say. ``provision`` makes NATS agree with both, ``moving`` is what an upgrade moves, ``rights`` is who may
do what. ``broker`` makes the FastStream broker, ``pull`` fetches batches. ``delivery`` turns what handlers raise into
ack, nak, ``dead_letters`` or ``quarantine``; ``transaction`` adds the inbox for services with a database; ``outbox``
publishes what was committed, by ``publish``, and ``puts`` puts what was committed for a ``bucket`` into it. ``past``
gives a service that came later what the stream has forgotten. ``watchdog`` and ``janitor`` look after connection and
stream, ``rpc`` carries commands, ``private`` has what no library promises.
"""
