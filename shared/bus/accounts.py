"""The accounts of NATS, as the configuration of a server has them: ours, and one for each subscriber.

All services live in one account, since all share the streams. A subscriber has one of its own, which imports the two
verbs of its own consumer and nothing else. So what it names as the subject of an answer is a subject of its account,
where nothing of ours listens, and the server cannot be made to do by an answer what the subscriber may not do itself
(docs/adr/0037). Whose consumer an account may import follows from its name: the exports are the same for all.
"""

from collections.abc import Callable, Iterable, Iterator

from shared.bus.names import ACCOUNT, EVENTS, subscriber_user
from shared.bus.rights import ANSWER_WITHIN, LOGIN_WITHIN_S, NEXT, User, subscriber

PasswordOf = Callable[[str], str]
"""The password of a user, as the configuration is to hold it (quoted, or the name of a variable)."""
REQUEST_FORGOTTEN_AFTER = "6m"
"""How long the server keeps in mind where the answers to a subscriber's request go, counted from the last answer."""
_EXPORTS = (f"{NEXT}.{EVENTS}.*", f"$JS.ACK.{EVENTS}.*.>")
"""What subscribers import. Where ``*`` stands, an account has to have its own name."""


def accounts(users: Iterable[User], subscribers: Iterable[str], password_of: PasswordOf) -> str:
    """The blocks ``authorization`` and ``accounts`` of the server's configuration.

    Args:
        users: who may log in to our account.
        subscribers: the names of those that have an account of their own.
        password_of: the password of a user.
    """
    lines = ["authorization {", f"  timeout: {LOGIN_WITHIN_S}", "}", "accounts {", f"  {ACCOUNT} {{"]
    lines += ["    jetstream: enabled", "    users: [", *(line for user in users for line in _user(user, password_of))]
    lines += ["    ]", "    exports: ["]
    for subject in _EXPORTS:
        lines += ["      {", f'        service: "{subject}"', "        response_type: stream"]
        lines += [f'        response_threshold: "{REQUEST_FORGOTTEN_AFTER}"']
        lines += [f"        account_token_position: {subject.split('.').index('*') + 1}", "      }"]
    text = "\n".join([*lines, "    ]", "  }", ""])
    return "".join([text, *(account_of_subscriber(name, password_of) for name in subscribers), "}\n"])


def account_of_subscriber(name: str, password_of: PasswordOf) -> str:
    """The account of a subscriber, as it stands in the block ``accounts``."""
    user = subscriber(name)
    imports = (f"{subject.replace('*', subscriber_user(name))}" for subject in _EXPORTS)
    lines = [f"  {user.name} {{", "    users: [", *_user(user, password_of), "    ]", "    imports: ["]
    lines += [f'      {{ service: {{ account: {ACCOUNT}, subject: "{subject}" }} }}' for subject in imports]
    return "\n".join([*lines, "    ]", "  }", ""])


def _user(user: User, password_of: PasswordOf) -> Iterator[str]:
    yield f"      # {user.says}"
    yield from ("      {", f"        user: {user.name}", f"        password: {password_of(user.name)}")
    yield "        permissions: {"
    yield from _list("publish", user.publish)
    yield from _list("subscribe", user.subscribe)
    if user.answers:
        yield f'          allow_responses: {{ max: 1, expires: "{ANSWER_WITHIN}" }}'
    yield from ("        }", "      }")


def _list(what: str, subjects: tuple[str, ...]) -> Iterator[str]:
    yield f"          {what}: {{ allow: ["
    yield from (f'            "{subject}"' for subject in subjects)
    yield "          ] }"
